"""What ``rnncli evaluate`` does, in parts.

::

    what was typed
      -> rows          data.py           finds the labelled texts; those held out, if none are named
      -> Scorer        base.py           how a task is scored: classifier, generator, translator
      -> what else     beside.py         a classifier beside baselines and a second model
                       comparison.py     what is told of two models of any task
                       mistakes.py       --errors: the texts that it gets wrong
                       report.py         prints what was found of a classifier; translator_report.py
                                         of a translator; both draw tables with table.py
      -> exit code     requirements.py   --require: what the scores must reach
"""
