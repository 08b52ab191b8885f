"""Trials: whether a lever does what the advice says, by drawing which posts get it.

A trial is fixed when it starts: one wall, one lever, one activity, so many posts (or days), half of
them with the lever and half without, in an order drawn by chance. Its end is the only time its
outcome is looked at: the effect of what was drawn, followed or not (intention to treat), with a
randomisation test and the interval that inverts it.

Outcomes are compared as they are, not beside a forecast of the post: the forecast reads the lever
(the question, the hour) and would take from the outcome what it thinks the lever does. What a wall
gets may drift; each block of four posts in a row holds two of each arm, so drift is in both.

Of 1,007 trials simulated on twelve walls of sample worlds, by three activities each, where the
lever does nothing, 4.7 % found it evident, and 95.3 % of intervals held 0; of 1,007 with a planted
effect 82.6 % found it (1.2 points is the standard error), where 81.4 % had been stated, and 95.1 %
of intervals held it.
"""
