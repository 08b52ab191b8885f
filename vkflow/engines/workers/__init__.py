"""What turns a part of a work list into a part of the result; engines know no more of it."""
