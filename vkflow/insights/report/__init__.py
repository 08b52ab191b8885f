"""The morning report: frames in, one self-contained HTML page out."""
