"""Reference numbers for each operation alone, computed in float64 with PyTorch autograd.

Usage: make_operation_reference.py OUT.safetensors

Letters: B batch, T time, C channels, O output channels, F hidden width, H heads, D head width, V vocabulary, N elements.
Every tensor is float64 except ids and targets (int64). Inputs and parameters are exact in float32, so that a backend
of either precision computes on the same numbers.

A tensor is named OPERATION.CASE.ROLE, with CASE counted from 0. The metadata holds "cases", the blank-separated list of
every OPERATION.CASE, and under each OPERATION.CASE its sizes and parameters as blank-separated key=value pairs (a list
is comma-separated). `grad_out` is the gradient that comes from above (random); every `grad_NAME` belongs to input NAME.

linear          out = x weight^T + bias; pair bias=0|1 says whether there is a bias
    x [B,T,C]  weight [O,C]  bias [O]  out [B,T,O]  grad_out  grad_x  grad_weight  grad_bias
low_rank        out = before; out[..., first:first+P] += scale * (x down^T) up^T; pairs first, scale
    x [B,T,C]  down [R,C]  up [P,R]  before [B,T,O]  out [B,T,O]  grad_out  grad_x  grad_down  grad_up
  (pair input=plain|offset|constant|small of the norms: how x was drawn)
layer_norm      out = (x - mean) * rstd * weight + bias over the last axis, rstd = 1 / sqrt(variance + epsilon), biased variance
    x [B,T,C]  weight [C]  bias [C]  out [B,T,C]  mean [B,T]  rstd [B,T]  grad_out  grad_x  grad_weight  grad_bias
rms_norm        out = x * rstd * weight, rstd = 1 / sqrt(mean(x^2) + epsilon)
    x [B,T,C]  weight [C]  out [B,T,C]  rstd [B,T]  grad_out  grad_x  grad_weight
gelu            out = x * Phi(x), exact (erf)
    x [B,T,F]  out [B,T,F]  grad_out  grad_x
swiglu          out = silu(gate) * up; gate is the first half of the last axis of x, up the second
    x [B,T,2F]  out [B,T,F]  grad_out  grad_x
rotary          halves (x1, x2) of the last axis -> (x1 cos - x2 sin, x2 cos + x1 sin), angle(t, i) = (start + t) * base^(-2i/D)
    x [B,T,H,D]  out [B,T,H,D]  grad_out  grad_x
attention       causal, out = softmax(q k^T / sqrt(D)) v per head
    q k v [B,T,H,D]  out [B,T,H,D]  grad_out  grad_q  grad_k  grad_v
embedding       out[b,t,:] = table[ids[b,t], :], each element repeated `repeat` times in place (repeat_interleave)
    table [V,C]  ids [B,T]  out [B,T,C*repeat]  grad_out  grad_table
residual        out = x + y
    x y [B,T,C]  out  grad_out  grad_x  grad_y
classifier      logits = sum over terms i of scale_i * token_scale_i[b,t] * (hidden_i weight_i^T + bias_i);
                loss = mean of the cross-entropy over the tokens whose target is not -1; the gradients are those of
                grad_loss * loss. Pairs: scales (one per term), token_scales=0|1, bias=0|1
    hidden.i [B,T,C_i]  weight.i [V,C_i]  bias.i [V]  token_scale.i [B,T]  targets [B,T]  logits [B,T,V]  loss []
    grad_loss []  grad_hidden.i  grad_weight.i  grad_bias.i  grad_token_scale.i
adamw           three steps of torch.optim.AdamW (decoupled decay), pairs learning_rates (one per step), beta1, beta2, epsilon,
                weight_decay; s runs over the steps 1, 2, 3
    param.0 [N]  grad.s [N]  param.s [N]  first_moment.s [N]  second_moment.s [N]
clip_grad_norm  all gradients of a case times min(1, max_norm / (norm + 1e-6)), norm = their joint 2-norm before clipping
    grad.i [N_i]  out.i [N_i]  norm []
"""
import argparse
import json
import struct

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.manual_seed(20)

EPSILON = 2.0**-17
tensors, metadata = {}, {}


def randn(*shape):
    return torch.randn(shape).float().double()


def record(operation, tensors_of_case, **parameters):
    """Numbers the case within its operation and keeps its tensors."""
    case = f"{operation}.{sum(name.startswith(operation + '.') for name in metadata)}"
    metadata[case] = " ".join(f"{key}={value}" for key, value in parameters.items())
    tensors.update({f"{case}.{role}": value.detach() for role, value in tensors_of_case.items()})


def differentiate(inputs, function, grad_out=None):
    """Runs `function` on the inputs (name -> tensor); returns inputs, out, grad_out and the gradient of each input."""
    live = {name: value.clone().requires_grad_() for name, value in inputs.items()}
    out = function(**live)
    grad_out = randn(*out.shape) if grad_out is None else grad_out
    out.backward(grad_out)
    gradients = {f"grad_{name}": value.grad for name, value in live.items()}
    return {**inputs, "out": out, "grad_out": grad_out, **gradients}


def linear(B, T, C, O, bias):
    inputs = {"x": randn(B, T, C), "weight": randn(O, C)}
    if bias:
        inputs["bias"] = randn(O)
    record("linear", differentiate(inputs, lambda x, weight, bias=None: F.linear(x, weight, bias)),
           B=B, T=T, C=C, O=O, bias=int(bias))


def norm_input(B, T, C, kind):
    """offset: a mean far above the deviation; constant: the first row has no variance; small: epsilon dominates."""
    x = randn(B, T, C)
    if kind == "offset":
        x = (x + 100).float().double()
    elif kind == "constant":
        x[0, 0] = 0.75
    elif kind == "small":
        x = x * 2.0**-12
    return x


def layer_norm(B, T, C, kind="plain", epsilon=EPSILON):
    inputs = {"x": norm_input(B, T, C, kind), "weight": 1 + randn(C) / 4, "bias": randn(C)}
    inputs["weight"] = inputs["weight"].float().double()
    result = differentiate(inputs, lambda x, weight, bias: F.layer_norm(x, (C,), weight, bias, epsilon))
    result["mean"] = inputs["x"].mean(-1)
    result["rstd"] = (inputs["x"].var(-1, unbiased=False) + epsilon).rsqrt()
    record("layer_norm", result, B=B, T=T, C=C, epsilon=epsilon, input=kind)


def rms_norm(B, T, C, kind="plain", epsilon=EPSILON):
    def rstd(x):
        return (x.square().mean(-1) + epsilon).rsqrt()

    inputs = {"x": norm_input(B, T, C, kind), "weight": (1 + randn(C) / 4).float().double()}
    result = differentiate(inputs, lambda x, weight: x * rstd(x)[..., None] * weight)
    result["rstd"] = rstd(inputs["x"])
    record("rms_norm", result, B=B, T=T, C=C, epsilon=epsilon, input=kind)


def gelu(x):
    B, T, width = x.shape
    record("gelu", differentiate({"x": x}, lambda x: F.gelu(x)), B=B, T=T, F=width)


def swiglu(x):
    def forward(x):
        gate, up = x.chunk(2, dim=-1)
        return F.silu(gate) * up

    B, T, width = x.shape
    record("swiglu", differentiate({"x": x}, forward), B=B, T=T, F=width // 2)


def rotary(B, T, H, D, start=0, base=10000.0):
    angle = (start + torch.arange(T))[:, None] * (base ** (-torch.arange(0, D, 2) / D))[None, :]  # (T,D/2)
    cos, sin = angle.cos()[:, None, :], angle.sin()[:, None, :]

    def forward(x):
        x1, x2 = x.chunk(2, dim=-1)
        return torch.cat((x1 * cos - x2 * sin, x2 * cos + x1 * sin), dim=-1)

    record("rotary", differentiate({"x": randn(B, T, H, D)}, forward), B=B, T=T, H=H, D=D, start=start, base=base)


def attention(B, T, H, D, spread=1.0):
    """A large spread makes the softmax nearly one-hot, with scores that overflow exp unless the maximum is subtracted."""
    mask = torch.full((T, T), float("-inf")).triu(1)

    def forward(q, k, v):
        q, k, v = (x.transpose(1, 2) for x in (q, k, v))  # (B,H,T,D)
        scores = q @ k.transpose(-1, -2) / D**0.5 + mask
        return (scores.softmax(-1) @ v).transpose(1, 2)

    inputs = {"q": spread * randn(B, T, H, D), "k": spread * randn(B, T, H, D), "v": randn(B, T, H, D)}
    record("attention", differentiate(inputs, forward), B=B, T=T, H=H, D=D)


def embedding(B, T, V, C, repeat=1):
    ids = torch.randint(0, V, (B, T))
    ids[0, 0], ids[-1, -1] = V - 1, 0
    result = differentiate({"table": randn(V, C)}, lambda table: F.embedding(ids, table).repeat_interleave(repeat, dim=-1))
    record("embedding", {**result, "ids": ids}, B=B, T=T, V=V, C=C, repeat=repeat)


def residual(B, T, C):
    record("residual", differentiate({"x": randn(B, T, C), "y": randn(B, T, C)}, lambda x, y: x + y), B=B, T=T, C=C)


def classifier(B, T, V, widths, scales, ignored=0, bias=True, token_scales=False, spread=1.0, grad_loss=1.0):
    targets = torch.randint(0, V, (B, T))
    targets[0, 0] = V - 1
    targets.view(-1)[B * T - ignored:] = -1
    inputs = {}
    for i, width in enumerate(widths):
        inputs[f"hidden.{i}"] = spread * randn(B, T, width)
        inputs[f"weight.{i}"] = randn(V, width)
        if bias:
            inputs[f"bias.{i}"] = randn(V)
        if token_scales:
            inputs[f"token_scale.{i}"] = torch.rand(B, T).float().double()

    def logits_of(values):
        total = torch.zeros(B, T, V)
        for i, scale in enumerate(scales):
            term = F.linear(values[f"hidden.{i}"], values[f"weight.{i}"], values.get(f"bias.{i}"))
            total = total + scale * values[f"token_scale.{i}"][..., None] * term if token_scales else total + scale * term
        return total

    def loss_of(**values):
        return F.cross_entropy(logits_of(values).view(-1, V), targets.view(-1), ignore_index=-1)

    result = differentiate(inputs, loss_of, torch.tensor(grad_loss))
    result["loss"], result["grad_loss"] = result.pop("out"), result.pop("grad_out")
    record("classifier", {**result, "targets": targets, "logits": logits_of(inputs)},
           B=B, T=T, V=V, widths=",".join(map(str, widths)), scales=",".join(map(str, scales)),
           bias=int(bias), token_scales=int(token_scales))


def adamw(N, weight_decay, learning_rates=(2.0**-6,) * 3, beta1=0.875, beta2=0.9375, epsilon=2.0**-20):
    result = {"param.0": randn(N)}
    parameter = result["param.0"].clone().requires_grad_()
    optimizer = torch.optim.AdamW([parameter], betas=(beta1, beta2), eps=epsilon, weight_decay=weight_decay)
    for step, learning_rate in enumerate(learning_rates, start=1):
        gradient = randn(N)
        if N > 2:
            gradient[0] = 0.0  # an element that moves by decay alone
            gradient[-1] *= 2.0**-24  # one whose second moment is far below epsilon^2
        optimizer.param_groups[0]["lr"] = learning_rate
        parameter.grad = gradient.clone()
        optimizer.step()
        state = optimizer.state[parameter]
        result[f"grad.{step}"] = gradient
        result[f"param.{step}"] = parameter.detach().clone()
        result[f"first_moment.{step}"] = state["exp_avg"].clone()
        result[f"second_moment.{step}"] = state["exp_avg_sq"].clone()
    record("adamw", result, N=N, learning_rates=",".join(map(str, learning_rates)), beta1=beta1, beta2=beta2,
           epsilon=epsilon, weight_decay=weight_decay)


def low_rank(B, T, C, O, R, P, first, scale):
    inputs = {"x": randn(B, T, C), "down": randn(R, C), "up": randn(P, R)}
    before = randn(B, T, O)
    after = O - first - P

    def correct(x, down, up):
        return before + F.pad(scale * F.linear(F.linear(x, down), up), (first, after))

    record("low_rank", {"before": before, **differentiate(inputs, correct)},
           B=B, T=T, C=C, O=O, R=R, P=P, first=first, scale=scale)


def clip_grad_norm(gradients, max_norm):
    parameters = [torch.zeros_like(gradient).requires_grad_() for gradient in gradients]
    for parameter, gradient in zip(parameters, gradients):
        parameter.grad = gradient.clone()
    result = {"norm": torch.nn.utils.clip_grad_norm_(parameters, max_norm)}
    for i, (parameter, gradient) in enumerate(zip(parameters, gradients)):
        result[f"grad.{i}"], result[f"out.{i}"] = gradient, parameter.grad
    record("clip_grad_norm", result, sizes=",".join(str(g.numel()) for g in gradients), max_norm=max_norm)


def compute_all():
    linear(1, 1, 1, 1, bias=True)
    linear(1, 1, 3, 7, bias=True)
    linear(2, 5, 7, 9, bias=True)
    linear(2, 3, 8, 4, bias=False)
    linear(1, 19, 17, 35, bias=True)

    for norm in (layer_norm, rms_norm):
        norm(1, 1, 1)
        norm(1, 1, 5)
        norm(2, 3, 7)
        norm(1, 4, 33)
        norm(2, 2, 12, kind="offset")
        norm(1, 2, 9, kind="constant")
        norm(1, 3, 8, kind="small", epsilon=2.0**-10)

    extremes = torch.tensor([[[-40.0, -9.0, -6.0, -3.0, -1.0, -(2.0**-30), 0.0, 2.0**-30, 1.0, 3.0, 6.0, 9.0, 40.0]]])
    gelu(randn(1, 1, 1))
    gelu(4 * randn(2, 5, 7))
    gelu(extremes)
    swiglu(randn(1, 1, 2))
    swiglu(4 * randn(2, 5, 14))
    swiglu(torch.cat((extremes, randn(*extremes.shape)), dim=-1))

    rotary(1, 1, 1, 2)
    rotary(2, 5, 3, 2)
    rotary(1, 7, 2, 8)
    rotary(2, 3, 1, 6, start=11)
    rotary(1, 1, 2, 16, start=255)

    attention(1, 1, 1, 1)
    attention(1, 1, 3, 2)
    attention(2, 5, 3, 2)
    attention(2, 9, 1, 8)
    attention(1, 17, 2, 5)
    attention(1, 67, 1, 2)
    attention(1, 6, 2, 4, spread=32.0)

    embedding(1, 1, 1, 1)
    embedding(2, 5, 7, 3)
    embedding(1, 9, 4, 2, repeat=3)
    residual(1, 1, 1)
    residual(2, 3, 7)

    classifier(1, 1, 7, (5,), (1.0,))
    classifier(2, 5, 7, (3,), (1.0,), ignored=3)
    classifier(1, 4, 1, (2,), (1.0,))
    classifier(2, 3, 7, (5, 8), (0.5, 0.5), ignored=1, grad_loss=0.375)
    classifier(1, 5, 67, (4, 4), (0.5, 0.5), bias=False)
    classifier(2, 3, 11, (3, 5, 2), (0.25, 0.5, 0.25), ignored=1, token_scales=True)
    classifier(1, 3, 9, (6,), (1.0,), spread=256.0)

    adamw(1, weight_decay=0.0)
    adamw(17, weight_decay=0.125)
    adamw(9, weight_decay=0.0, learning_rates=(2.0**-8, 2.0**-6, 2.0**-7))

    clip_grad_norm([randn(7), randn(1), randn(12)], max_norm=1.0)
    clip_grad_norm([randn(5) / 16, randn(3) / 16], max_norm=1.0)
    clip_grad_norm([torch.zeros(4)], max_norm=0.5)

    low_rank(1, 1, 1, 1, 1, 1, first=0, scale=1.0)
    low_rank(2, 5, 7, 9, 2, 9, first=0, scale=2.0)
    low_rank(2, 3, 8, 12, 3, 4, first=4, scale=0.25)
    low_rank(1, 19, 17, 35, 4, 11, first=24, scale=0.5)


def write_safetensors(path):
    header = {"__metadata__": {"cases": " ".join(metadata), **metadata}}
    blob = b""
    for name in sorted(tensors):
        value = tensors[name].contiguous()
        raw = value.numpy().tobytes()
        header[name] = {"dtype": "I64" if value.dtype == torch.int64 else "F64", "shape": list(value.shape),
                        "data_offsets": [len(blob), len(blob) + len(raw)]}
        blob += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + blob)
    print(f"{path}: {len(metadata)} cases, {len(tensors)} tensors, {8 + len(text) + len(blob)} bytes")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("out")
    out_path = arguments.parse_args().out
    compute_all()
    write_safetensors(out_path)
