"""Read a person's data into one shape, and hold a part of it out; the only user of `datasets`.

Whatever the data is (a file, two aligned files, standard input, a dataset of the Hugging Face hub),
it goes the same way, and each step is a file of this package::

    what was typed   locate.py     finds it: a file, a folder, a corpus (corpora.py), one of the hub
      -> DataSource  files.py, folders.py, hub.py     open it; a stream is copied (scratch.py),
                     hub_files.py  a file of the hub downloaded when its rows are read
                     formats.py    tells the format by content; headers.py, whether there is one
                     tables.py     rows under named columns: text_tables.py, delimited.py,
                                   json_lines.py, tmx.py, parquet.py, arrow.py
      -> columns     columns.py    chooses the task and its columns: as named, by usual
                                   names (column_names.py), by what is in them (column_contents.py);
                                   column_errors.py asks, where none of these tells
      -> clean rows  cleaning.py   takes the rows that can be learned from, all cells strings
      -> Arrow       arrow.py      writes them to disk, and reads what `datasets` streams;
                                   values.py reads a column
      -> Corpus      corpus.py     read_corpus() takes all of these steps; preview.py, up to the
                                   clean rows, counts them only; limits.py refuses too few rows,
                                   too many, and labels that are none; time_limits.py says
                                   how many are read at most
      -> two parts   split.py      hold_out(), as much as time_limits.py allows; checks.py says what
                                   is wrong with labelled texts (numbering.py: equal texts, equal
                                   numbers)
      -> tokens      encoded.py    encode(), once
      -> batches     batches.py    which rows are in a batch; windows of running text

Beside it: vector_sources.py finds word vectors, probe_cases.py reads the cases of a probe.

Which columns a task reads stands in config.py; nothing here knows a task by name. Rows stream from
one end to the other and lie in memory-mapped files thereafter, so memory stays flat however large
the data is.
"""
