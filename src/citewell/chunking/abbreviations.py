"""Words whose full stop does not end a sentence, in the languages most met; lower case, without the stop."""

from __future__ import annotations

from typing import Final

__all__ = ["ABBREVIATIONS", "BEFORE_NUMBERS"]

# Words that often end a sentence as well (`etc.`, `Inc.`, `Jr.`) are left out.
_ABBREVIATIONS: Final = """
mr mrs ms dr prof rev hon st gen col maj capt lt sgt cmdr gov sen rep pres supt messrs mme mlle
vs cf ca viz approx resp esp incl excl min max avg est dept univ assn bros govt misc
jan feb mar apr jun jul aug sept oct nov dec mon tue tues wed thu thur thurs fri
ibid op cit ed eds trans
bzw vgl evtl ggf inkl exkl zzgl abzgl sog insb hrsg bspw hr fr frl ing
dipl mag str tel abk geb gest jhd
env boul
sr sra srta dña ud uds pág págs núm aprox ej
sig sigg dott avv
dhr mevr mw bijv blz nr
др см гг ул стр тыс млн млрд им рис табл
"""
_BEFORE_NUMBERS: Final = """
no nos num n° art arts sec sect secs par para paras ch chap vol vols pp fig figs eq eqs eqn tab
app ref refs ex abb kap bd ziff abs anm ss ver
"""

#: Never the end of a sentence.
ABBREVIATIONS: Final = frozenset(_ABBREVIATIONS.split())

#: Not the end of a sentence where a number follows: `No. 5`, `Fig. 2`, `pp. 10`.
BEFORE_NUMBERS: Final = frozenset(_BEFORE_NUMBERS.split())
