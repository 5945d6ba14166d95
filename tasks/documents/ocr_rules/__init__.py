"""The rules by which OCRBench v2 and CC-OCR read and judge an answer, one family of questions per file."""
