"""From bytes to tokens: files, rows, scripts, sentences, tokenizers."""
