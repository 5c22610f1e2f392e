"""Read a person's data into one shape, and hold a part of it out; the only user of `datasets`.

Whatever the data is (a file, two aligned files, standard input, a corpus of the Hugging Face
hub), it goes the same way, and each step is a file of this package::

    what was typed   locate.py     finds it: a file, a bundled corpus, or one of the hub
      -> tables      files.py, hub.py     open what was found; either gives an Origin (origin.py)
                     tables.py     rows under named columns
      -> columns     columns.py    finds the task and its columns;
      -> clean rows  cleaning.py   takes the rows that can be learned from, all cells strings
      -> Arrow       arrow.py      writes them to disk
      -> Corpus      corpus.py     read_corpus() takes all of these steps
      -> two parts   split.py      hold_out(); checks.py says what is wrong with labelled texts

Rows stream from one end to the other and lie in memory-mapped files thereafter, so memory stays
flat however large the data is.
"""
