"""One benchmark case of accrete, done by PyTorch on the CPU, as JSON on standard output.

Usage: pytorch_peer.py --case S-full [--repeats 5] [--threads 2] [--malloc stock|tuned|jemalloc] [--compile]

Runs with PyTorch 1.13 and later and takes what the installed version has: the fused attention, the fused AdamW, the
compiler when asked for. One process runs one case, so that its peak memory (VmHWM) belongs to that case.

Sizes    S = (V 8192, d 256, 8 heads, 6 layers, T 256, B 8)      M = (V 65536, d 1024, 32 heads, 9 layers, T 256, B 2)
Cases    full     training step, embedding trained too           growth   training step of the last three blocks, final
         forward  logits of every position                                norm and head on a frozen prefix
         decode   greedy, KV cache, batch 1, prompt 32, 64 new tokens; the time includes the prompt
A sample is one training step, one forward pass or one whole decode, in tokens per second.
"""
import argparse
import ctypes.util
import json
import os
import re
import statistics
import sys
import time

SIZES = {
    "S": dict(vocabulary=8192, width=256, heads=8, layers=6, tokens=256, batch=8),
    "M": dict(vocabulary=65536, width=1024, heads=32, layers=9, tokens=256, batch=2),
}
KINDS = ("full", "growth", "forward", "decode")
CASES = [f"{size}-{kind}" for size in SIZES for kind in KINDS]
ACTIVE_BLOCKS = 3
PROMPT, NEW_TOKENS = 32, 64

# What a user sets who knows that glibc returns every large tensor to the kernel and faults it in again.
TUNED_MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 40),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
    "MALLOC_TOP_PAD_": str(64 << 20),
}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", required=True, choices=CASES)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--malloc", default="stock", choices=("stock", "tuned", "jemalloc"))
    parser.add_argument("--compile", action="store_true", help="torch.compile the model (PyTorch 2)")
    return parser.parse_args()


def malloc_environment(kind):
    if kind == "jemalloc":
        library = ctypes.util.find_library("jemalloc")
        if library is None:
            sys.exit("pytorch_peer: --malloc jemalloc: no libjemalloc found")
        return {"LD_PRELOAD": library}
    return TUNED_MALLOC if kind == "tuned" else {}


def start_again_with_environment(options):
    """Allocators and BLAS libraries read their environment when the process starts, so it has to start anew."""
    threads = str(options.threads)
    wanted = {name: threads for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    wanted.update(malloc_environment(options.malloc))
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **wanted})


options = parse_arguments() if __name__ == "__main__" else None
if options:
    start_again_with_environment(options)

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

HAS_FUSED_ATTENTION = hasattr(F, "scaled_dot_product_attention")


def attend(q, k, v, mask=None):
    """q k v (B,H,T,D); without a mask: causal."""
    if HAS_FUSED_ATTENTION:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
    if mask is None:
        mask = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool).tril()
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    return scores.masked_fill(~mask, float("-inf")).softmax(-1) @ v


class Rotary(nn.Module):
    def __init__(self, head_width, max_tokens, base=10000.0):
        super().__init__()
        angle = torch.arange(max_tokens)[:, None] * base ** (-torch.arange(0, head_width, 2) / head_width)
        self.register_buffer("cos", angle.cos()[:, None, None, :], persistent=False)  # (T,1,1,D/2)
        self.register_buffer("sin", angle.sin()[:, None, None, :], persistent=False)

    def forward(self, x, positions):  # (B,T,2,H,D): q and k in one go
        cos, sin = self.cos[positions], self.sin[positions]
        x1, x2 = x.chunk(2, dim=-1)
        return torch.cat((x1 * cos - x2 * sin, x2 * cos + x1 * sin), dim=-1)


class Attention(nn.Module):
    def __init__(self, width, heads, rotary):
        super().__init__()
        self.heads, self.rotary = heads, rotary
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.o = nn.Linear(width, width, bias=False)

    def forward(self, x, positions, cache=None, mask=None):
        B, T, C = x.shape
        qkv = self.qkv(x).view(B, T, 3, self.heads, C // self.heads)
        q, k = self.rotary(qkv[:, :, :2], positions).permute(2, 0, 3, 1, 4).unbind(0)  # (B,H,T,D) each
        v = qkv[:, :, 2].transpose(1, 2)
        if cache is not None:
            k = cache[0].index_copy_(2, positions, k)
            v = cache[1].index_copy_(2, positions, v)
        return self.o(attend(q, k, v, mask).transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, width, heads, rotary):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, rotary)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x, positions, cache=None, mask=None):
        x = x + self.attention(self.norm1(x), positions, cache, mask)
        return x + self.mlp(self.norm2(x))


class Decoder(nn.Module):
    def __init__(self, vocabulary, width, heads, layers, tokens, **_):
        super().__init__()
        rotary = Rotary(width // heads, tokens)
        self.embedding = nn.Embedding(vocabulary, width)
        self.blocks = nn.ModuleList(Block(width, heads, rotary) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary)
        self.frozen_blocks = 0
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def freeze_all_but_last(self, active_blocks):
        self.frozen_blocks = len(self.blocks) - active_blocks
        self.embedding.requires_grad_(False)
        self.blocks[: self.frozen_blocks].requires_grad_(False)

    def hidden(self, ids, positions=None, caches=None, mask=None):
        if positions is None:
            positions = torch.arange(ids.shape[1], device=ids.device)
        generating = caches is not None
        caches = caches or [None] * len(self.blocks)
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.frozen_blocks == 0):
            x = self.embedding(ids)
            for block, cache in zip(self.blocks[: self.frozen_blocks], caches):
                x = block(x, positions, cache, mask)
        for block, cache in zip(self.blocks[self.frozen_blocks :], caches[self.frozen_blocks :]):
            x = block(x, positions, cache, mask)
        if generating:
            x = x[:, -1:]  # only the last position is asked for
        return self.norm(x)

    def forward(self, ids, positions=None, caches=None, mask=None):
        return self.head(self.hidden(ids, positions, caches, mask))


def make_optimizer(model):
    live = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        dict(params=[parameter for parameter in live if parameter.dim() >= 2], weight_decay=0.1),
        dict(params=[parameter for parameter in live if parameter.dim() < 2], weight_decay=0.0),
    ]
    settings = dict(lr=3e-4, betas=(0.9, 0.95), eps=1e-8)
    try:
        return torch.optim.AdamW(groups, fused=True, **settings)
    except (TypeError, RuntimeError):  # no fused AdamW for CPU tensors before PyTorch 2.4
        return torch.optim.AdamW(groups, **settings)  # a loop over tensors: on a CPU no slower than foreach, and leaner


def training_step(model, ids, targets):
    optimizer = make_optimizer(model)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(ids).flatten(0, 1), targets.flatten())
        loss.backward()
        optimizer.step()

    return step


def forward_pass(model, ids):
    @torch.inference_mode()
    def step():
        model(ids)

    return step


def decode(model, size, prompt):
    width, heads = size["width"], size["heads"]
    length = PROMPT + NEW_TOKENS
    shape = (1, heads, length, width // heads)
    caches = [(torch.zeros(shape), torch.zeros(shape)) for _ in range(size["layers"])]
    visible = torch.ones(length, length, dtype=torch.bool).tril()

    @torch.inference_mode()
    def step():
        ids, positions = prompt, torch.arange(PROMPT)
        generated = []
        for next_position in range(PROMPT, length):
            ids = model(ids, positions, caches, visible[positions]).argmax(-1)
            positions = torch.tensor([next_position])
            generated.append(ids)
        return torch.cat(generated, dim=1)

    return step


def prepare(case, compile_model):
    """Returns the function to time and the number of tokens that one call handles."""
    name, kind = case.split("-")
    size = SIZES[name]
    torch.manual_seed(1)
    model = Decoder(**size)
    if kind == "growth":
        model.freeze_all_but_last(ACTIVE_BLOCKS)
    run_model = torch.compile(model) if compile_model else model
    if kind == "decode":
        return decode(run_model, size, torch.randint(size["vocabulary"], (1, PROMPT))), NEW_TOKENS
    text = torch.randint(size["vocabulary"], (size["batch"], size["tokens"] + 1))
    ids, targets = text[:, :-1].contiguous(), text[:, 1:].contiguous()
    step = forward_pass(run_model, ids) if kind == "forward" else training_step(run_model, ids, targets)
    return step, ids.numel()


def flop_per_token(case):
    """Products only; attention counted dense over T; backward costs twice its forward. Decode: weights alone."""
    name, kind = case.split("-")
    size = SIZES[name]
    width, layers = size["width"], size["layers"]
    head = 2 * size["vocabulary"] * width
    block = 24 * width**2
    if kind == "decode":
        return layers * block + head
    block += 4 * size["tokens"] * width
    trained_blocks = {"full": layers, "growth": ACTIVE_BLOCKS, "forward": 0}[kind]
    trained_head = 0 if kind == "forward" else head
    return layers * block + head + 2 * (trained_blocks * block + trained_head)


def peak_memory_mib():
    with open("/proc/self/status") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1)) / 1024


def loaded_libraries():
    """The BLAS, OpenMP and malloc libraries that this process really holds, whatever the build says."""
    with open("/proc/self/maps") as maps:
        paths = {os.path.realpath(line.split()[-1]) for line in maps if ".so" in line}
    pattern = re.compile(r"lib(openblas|blas|mkl|gomp|iomp|jemalloc|tcmalloc)")
    return sorted("/".join(path.split("/")[-2:]) for path in paths if pattern.match(os.path.basename(path)))


def versions():
    build = torch.__config__.show()
    found = {"torch": torch.__version__, "python": sys.version.split()[0], "libraries": loaded_libraries()}
    for key, pattern in (("onednn", r"MKL-DNN (v[\d.]+)"), ("mkl", r"Math Kernel Library Version (\S+)"),
                         ("blas", r"BLAS_INFO=(\w+)"), ("capability", r"CPU capability usage: (\w+)")):
        match = re.search(pattern, build)
        if match:
            found[key] = match.group(1)
    return found


def main():
    torch.set_num_threads(options.threads)
    imported_mib = peak_memory_mib()
    step, tokens = prepare(options.case, options.compile)
    for _ in range(options.warmup):
        step()
    samples = []
    for _ in range(options.repeats):
        start = time.perf_counter()
        step()
        samples.append(tokens / (time.perf_counter() - start))
    median = statistics.median(samples)
    print(json.dumps({
        "case": options.case,
        "tokens_per_second": median,
        "samples": samples,
        "gflops": median * flop_per_token(options.case) / 1e9,
        "vm_hwm_mib": peak_memory_mib(),
        "vm_hwm_after_import_mib": imported_mib,
        "threads": torch.get_num_threads(),
        "malloc": options.malloc,
        "compiled": options.compile,
        "versions": versions(),
    }))


if __name__ == "__main__":
    main()
