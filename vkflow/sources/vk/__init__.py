"""Posts from the VK API: walls until the watermark, counts again at set ages, pictures."""
