"""Compares accrete-tokenize with Hugging Face's `tokenizers`: equal ids, and speed on the same files.

Usage: tokenizers_peer.py check --ours accrete-tokenize --text FILE... [--ngrams DIR] [--texts 10000]
       tokenizers_peer.py speed --ours accrete-tokenize --vocabulary FILE --text FILE... [--rounds 3]

`check` trains small tokenizers of every supported format on the texts, encodes random texts with both programs, and
lets each read what the other wrote. `speed` encodes each file as one text with both, in turn, each on one thread; what counts is
processor time, so that other work on the machine matters little. Needs `pip install tokenizers`.
"""
import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
          r"\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
SPECIAL = ["<s>", "</s>", "<unk>", "<|end|>"]


def ours(command, arguments, text):
    result = subprocess.run([command, *arguments], input=text, capture_output=True, text=True, encoding="utf-8")
    if result.returncode != 0:
        sys.exit(f"{command} {' '.join(arguments)}: {result.stderr.strip()}")
    return result.stdout


def byte_level(split=None, prefix_space=False):
    if split is None:
        return pre_tokenizers.ByteLevel(add_prefix_space=prefix_space)
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(split), "isolated"),
                                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def train(model, lines, size, pre=None, alphabet=(), special=SPECIAL):
    tokenizer = Tokenizer(model)
    if pre is not None:
        tokenizer.pre_tokenizer = pre
        tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special, initial_alphabet=list(alphabet), max_token_length=12,
                                  show_progress=False)
    tokenizer.train_from_iterator(lines, trainer)
    return tokenizer


def edited(tokenizer, edit):
    content = json.loads(tokenizer.to_str())
    edit(content)
    return Tokenizer.from_str(json.dumps(content))


def old_merges(content):
    merges = content["model"]["merges"]
    content["model"]["merges"] = [" ".join(pair) for pair in merges if not isinstance(pair, str)]


def with_byte_tokens(content):
    vocabulary = content["model"]["vocab"]
    for byte in range(256):
        vocabulary[f"<0x{byte:02X}>"] = len(vocabulary)
    content["model"]["byte_fallback"] = True


def formats(lines, size):
    """Small tokenizers of every supported format, by name."""
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    short = [line[i:i + 8] for line in lines for i in range(0, len(line), 8)]  # without pre-tokenizer a line is a word
    plain = train(models.BPE(unk_token="<unk>"), short, size)
    yield "plain", plain
    yield "plain-fused", edited(plain, lambda content: content["model"].update(fuse_unk=True))
    yield "plain-bytes", edited(plain, with_byte_tokens)
    gpt2 = train(models.BPE(), lines, size, byte_level(), alphabet, ["<|endoftext|>"])
    gpt2.add_tokens([AddedToken("wörd", normalized=True), AddedToken("rd!", normalized=False)])
    yield "gpt2", gpt2
    yield "gpt2-old-merges", edited(gpt2, old_merges)
    yield "gpt2-prefix-space", train(models.BPE(), lines, size, byte_level(prefix_space=True), alphabet)
    yield "gpt2-unknown", train(models.BPE(unk_token="<unk>"), lines[:50], size // 8, byte_level())
    llama3 = train(models.BPE(ignore_merges=True), lines, size, byte_level(LLAMA3), alphabet, [])
    llama3.add_special_tokens(["<|begin_of_text|>", "<|end_of_text|>"])
    begin = llama3.token_to_id("<|begin_of_text|>")
    llama3.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|>:1 $B:1",
                                      special_tokens=[("<|begin_of_text|>", begin)])])
    yield "llama3", llama3

    def longer_token(content):  # whole pieces that merges do not reach
        model = content["model"]
        added = [token["id"] for token in content["added_tokens"]]
        shift = 2
        for token in content["added_tokens"]:
            token["id"] += shift
        next_id = min(added)
        model["vocab"]["Ġoverthetop"] = next_id
        model["vocab"]["qqzz"] = next_id + 1
        content["post_processor"] = None

    yield "llama3-ignore-merges", edited(llama3, longer_token)
    yield "qwen2", train(models.BPE(), lines, size, byte_level(QWEN2), alphabet)


POOLS = [
    "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJ ", "0123456789", "0123456789٣५", " ", "  \t\n", "\r\n", "\n\n ",
    "!?.,;:-_()[]{}<>|@#$%^&*+=/\\\"'`~", "'s't're've'm'll'd'S'RE'LL'ſ", "абвгдежзийклмн", "你好世界的一是在", "éüñßøåçı",
    "\u00a0\u2003\u3000\u200b\u0085\u2028\ufeff", "ἀβγδ", "עבגד", "हिन्दी", "한국어", "😀👍🏽🇩🇪", "½²Ⅷ①", "\u0301\u0308",
    "\x00\x01\x7f\x1c", "𝔘𠀀\U0010ffff", "ǅʰªº", "Ġġ▁<0x41>",
]
WORDS = ["<s>", "</s>", "<unk>", "<|end|>", "<|endoftext|>", "<|begin_of_text|>", "wörd", "rd!", "wörd!", " overthetop",
         "qqzz", "don't", "we'LL", "123456", "\r\n\r\n", "   x", "<|end", "<<s>>"]


def random_text(generator, lines):
    parts = []
    for _ in range(generator.randint(0, 8)):
        kind = generator.random()
        if kind < 0.35:
            line = generator.choice(lines)
            begin = generator.randrange(len(line) + 1)
            parts.append(line[begin:begin + generator.randint(1, 40)])
        elif kind < 0.5:
            parts.append(generator.choice(WORDS))
        elif kind < 0.55:
            code_point = generator.randrange(0x110000)
            parts.append("?" if 0xD800 <= code_point < 0xE000 else chr(code_point))
        else:
            pool = generator.choice(POOLS)
            parts.append("".join(generator.choice(pool) for _ in range(generator.randint(1, 6))))
    return "".join(parts)


def first_difference(command, vocabulary, extra, peer, texts):
    lines = "".join(json.dumps(text, ensure_ascii=generator_bit % 2 == 0) + "\n" for generator_bit, text in enumerate(texts))
    answers = ours(command, ["encode", "--vocabulary", vocabulary, *extra], lines).split("\n")
    differing = 0
    for text, answer, encoding in zip(texts, answers, peer.encode_batch(texts, add_special_tokens=False)):
        if answer != " ".join(map(str, encoding.ids)):
            if differing < 3:
                print(f"  {text!r}\n    ours   {answer}\n    theirs {' '.join(map(str, encoding.ids))}")
            differing += 1
    return differing


def check(options):
    lines = [line for path in options.text for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines() if line]
    generator = random.Random(options.seed)
    generator.shuffle(lines)
    lines = lines[:options.lines]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, peer in formats(lines, 3000):
            texts = [random_text(generator, lines) for _ in range(options.texts)]
            theirs, rewritten = f"{folder}/{name}.json", f"{folder}/{name}-ours.json"
            peer.save(theirs)
            read = first_difference(options.ours, theirs, [], peer, texts)
            ours(options.ours, ["convert", "--vocabulary", theirs, "--out", rewritten], "")
            written = first_difference(options.ours, rewritten, [], Tokenizer.from_file(rewritten), texts)
            again = sum(a.ids != b.ids for a, b in zip(peer.encode_batch(texts), Tokenizer.from_file(rewritten).encode_batch(texts)))
            print(f"{name:24} {options.texts} texts: {read} differ where we read theirs, {written} where they read ours, "
                  f"{again} between their file and our copy of it", flush=True)
            failed += read + written + again
        for name in ["bvv241-2-3", "bvv241-max"] if options.ngrams else []:
            extra = ["--ngrams", options.ngrams]
            path = f"{folder}/{name}.json"
            ours(options.ours, ["convert", "--vocabulary", name, *extra, "--out", path], "")
            texts = [random_text(generator, lines) for _ in range(options.texts)]
            written = first_difference(options.ours, name, extra, Tokenizer.from_file(path), texts)
            print(f"{name:24} {options.texts} texts: {written} differ where they read ours", flush=True)
            failed += written
    sys.exit(1 if failed else 0)


def speed(options):
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    peer = Tokenizer.from_file(options.vocabulary)
    print(f"{'file':40} {'bytes':>12} {'ours, MB/s':>12} {'theirs, MB/s':>12} {'equal':>6}")
    for path in options.text:
        text = pathlib.Path(path).read_text(encoding="utf-8")
        size = len(text.encode("utf-8"))
        mine, theirs, equal = [], [], None
        for _ in range(options.rounds):
            report = json.loads(ours(options.ours, ["count", "--json", "--threads", "1", "--vocabulary", options.vocabulary, path], ""))
            mine.append(size / report["cpu_seconds"] / 1e6)
            start = time.process_time()
            tokens = len(peer.encode(text, add_special_tokens=False).ids)
            theirs.append(size / (time.process_time() - start) / 1e6)
            equal = tokens == report["tokens"]
        print(f"{path[-40:]:40} {size:12} {statistics.median(mine):12.2f} {statistics.median(theirs):12.2f} {str(equal):>6}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ["check", "speed"]:
        command = commands.add_parser(name)
        command.add_argument("--ours", required=True, help="the program accrete-tokenize")
        command.add_argument("--text", nargs="+", required=True, help="UTF-8 files")
    commands.choices["check"].add_argument("--ngrams", help="the folder of the published n-gram lists")
    commands.choices["check"].add_argument("--texts", type=int, default=10000)
    commands.choices["check"].add_argument("--lines", type=int, default=4000, help="of the text, to train on")
    commands.choices["check"].add_argument("--seed", type=int, default=1)
    commands.choices["speed"].add_argument("--vocabulary", required=True, help="a tokenizer.json")
    commands.choices["speed"].add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    {"check": check, "speed": speed}[options.command](options)


if __name__ == "__main__":
    main()
