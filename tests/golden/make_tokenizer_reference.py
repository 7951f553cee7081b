"""Writes tokenizers/*.json and *.tsv: small tokenizers made by Hugging Face's `tokenizers`, and the ids that they give.

Usage: python3 make_tokenizer_reference.py   (needs `pip install tokenizers`; made with 0.23)

A line of a .tsv is a text as a JSON string, a tab, the ids without marks, a tab, the ids with marks.
"""
import json
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "benchmarks/peers"))
from tokenizers_peer import formats, random_text  # noqa: E402

SENTENCES = """The old harbour was quiet before the first ferries came in.
She didn't know that we'd kept every letter, all 1234 of them; they're in the attic!
It's 7.30 a.m. and the bakery's windows are already bright.
Never trust a map that's older than the bridge, he'll tell you.
Старый мост над рекой построили ещё в 1897 году.
Она открыла окно, и в комнату вошёл запах моря.
Дети спрашивали, почему снег скрипит под ногами.
我们在河边走了很久，谁也没有说话。
图书馆里有三千二百本旧书。
Der Müller fährt größere Säcke über die Brücke.
Où est passé l'été? Il était déjà fini.
    return sum(values[i] * weights[i] for i in range(len(values)))
	if (count >= 100) { total += count; }""".splitlines()

folder = pathlib.Path(__file__).resolve().parent / "tokenizers"
generator = random.Random(20)
lines = [" ".join(generator.sample(SENTENCES, 3)) for _ in range(60)]
for name, tokenizer in formats(lines, 700):
    content = json.loads(tokenizer.to_str())
    (folder / f"{name}.json").write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    rows = []
    for text in [*SENTENCES, *(random_text(generator, lines) for _ in range(120))]:
        ids = [" ".join(map(str, tokenizer.encode(text, add_special_tokens=marks).ids)) for marks in (False, True)]
        rows.append("\t".join([json.dumps(text, ensure_ascii=True), *ids]) + "\n")
    (folder / f"{name}.tsv").write_text("".join(rows), encoding="utf-8")
