"""One case of accrete's GPU benchmark, done by PyTorch in bf16 on the first card, as one line of JSON on standard output.

Usage: pytorch_gpu_peer.py --case full|growth|decode|ensemble [--compile] [--repeats 5] [--batch 64] [--time 1024]

V 65536, d 1024, 32 heads, 9 layers, the embedding frozen. Training: weights in float with autocast to bf16, fused attention and the fused AdamW;
growth trains the last three blocks and the head on a frozen prefix. Decoding: bf16 weights, a static KV cache, batch 1, a
token at a time at context 512; one step is a CUDA graph unless --compile makes one of its own (mode reduce-overhead).
An ensemble is the mean of the logits of two models.
"""
import argparse
import json
import statistics
import time

import torch
from torch.nn import functional as F

from pytorch_peer import Decoder, make_optimizer

SIZE = dict(vocabulary=65536, width=1024, heads=32, layers=9)
ACTIVE_BLOCKS, CONTEXT, NEW_TOKENS = 3, 512, 64


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", required=True, choices=("full", "growth", "decode", "ensemble"))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--time", type=int, default=1024)
    parser.add_argument("--compile", action="store_true")
    return parser.parse_args()


def training_step(options):
    model = Decoder(**SIZE, tokens=options.time).cuda()
    model.embedding.requires_grad_(False)
    if options.case == "growth":
        model.freeze_all_but_last(ACTIVE_BLOCKS)
    optimizer = make_optimizer(model)
    # The loss a block of tokens at a time: all logits in float would take 17 GB.
    body = torch.compile(model.hidden) if options.compile else model.hidden
    rows = 8192

    def block_loss(hidden, targets):
        with torch.autocast("cuda", torch.bfloat16):
            return F.cross_entropy(model.head(hidden), targets, reduction="sum")

    if options.compile:
        block_loss = torch.compile(block_loss)

    def step():
        text = torch.randint(SIZE["vocabulary"], (options.batch, options.time + 1), device="cuda")
        targets = text[:, 1:].flatten()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", torch.bfloat16):
            hidden = body(text[:, :-1]).flatten(0, 1)
        cut = hidden.detach().requires_grad_(True)
        for begin in range(0, len(targets), rows):
            (block_loss(cut[begin : begin + rows], targets[begin : begin + rows]) / len(targets)).backward()
        hidden.backward(cut.grad)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        torch.cuda.synchronize()

    return step, options.batch * options.time


def decoding_step(options):
    count = 2 if options.case == "ensemble" else 1
    length = CONTEXT + NEW_TOKENS
    models = [Decoder(**SIZE, tokens=length).cuda().bfloat16().eval() for _ in range(count)]
    shape = (1, SIZE["heads"], length, SIZE["width"] // SIZE["heads"])
    caches = [[tuple(torch.zeros(shape, device="cuda", dtype=torch.bfloat16) for _ in range(2))
               for _ in range(SIZE["layers"])] for _ in models]
    visible = torch.ones(length, length, dtype=torch.bool, device="cuda").tril()
    token = torch.zeros(1, 1, dtype=torch.long, device="cuda")
    position = torch.full((1,), CONTEXT - NEW_TOKENS // 2, device="cuda")

    def one():
        logits = sum(model(token, position, cache, visible[position]) for model, cache in zip(models, caches)) / count
        token.copy_(logits.argmax(-1))
        position.add_(1)

    with torch.inference_mode():
        if options.compile:
            run = torch.compile(one, mode="reduce-overhead")
        else:
            stream = torch.cuda.Stream()
            with torch.cuda.stream(stream):
                for _ in range(3):
                    one()
            torch.cuda.synchronize()
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                one()
            run = graph.replay

    @torch.inference_mode()
    def step():
        position.fill_(CONTEXT - NEW_TOKENS // 2)
        for _ in range(NEW_TOKENS):
            run()
        torch.cuda.synchronize()

    return step, NEW_TOKENS


def main():
    options = parse_arguments()
    torch.manual_seed(1)
    decodes = options.case in ("decode", "ensemble")
    step, tokens = (decoding_step if decodes else training_step)(options)
    for _ in range(options.warmup):
        step()
    samples = []
    for _ in range(options.repeats):
        start = time.perf_counter()
        step()
        samples.append(tokens / (time.perf_counter() - start))
    print(json.dumps({
        "case": options.case,
        "tokens_per_second": statistics.median(samples),
        "program": f"PyTorch {torch.__version__}" + (", compiled" if options.compile else ""),
        "engine": torch.cuda.get_device_name(),
        "device_mib": torch.cuda.max_memory_allocated() / 2**20,
    }))


if __name__ == "__main__":
    main()
