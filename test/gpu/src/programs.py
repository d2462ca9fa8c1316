"""Programs as people run them on GPUs: `programs.py NAME STATUSFILE`. Each round computes from a fixed seed what round 1 computed; a value that differs is counted as bad."""

import os
import sys
import time

name, path = sys.argv[1], sys.argv[2]
os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
os.environ.setdefault('XLA_PYTHON_CLIENT_PREALLOCATE', 'false')
os.environ.setdefault('TOKENIZERS_PARALLELISM', 'false')


def cupy_round():
    import cupy

    kept = cupy.arange(32 << 20, dtype=cupy.int32)

    def compute():
        rng = cupy.random.RandomState(7)
        a = rng.standard_normal((512, 512)).astype(cupy.float32)
        return float((a @ a).sum()), int(kept.sum(dtype=cupy.int64))

    return compute


def jax_round():
    import jax
    import jax.numpy as jnp

    kept = jnp.arange(32 << 20, dtype=jnp.int32)

    @jax.jit
    def work(key):
        a = jax.random.normal(key, (512, 512))
        return (jnp.tanh(a @ a)).sum()

    return lambda: (float(work(jax.random.PRNGKey(7))), int(kept[::4096].sum()))


def triton_round():
    import torch
    import triton
    import triton.language as tl

    @triton.jit
    def scale(x, out, n, BLOCK: tl.constexpr):
        at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        tl.store(out + at, tl.load(x + at, mask=at < n) * 3 + 1, mask=at < n)

    x = torch.arange(1 << 20, device='cuda', dtype=torch.float32)

    def compute():
        out = torch.empty_like(x)
        scale[(x.numel() // 1024,)](x, out, x.numel(), BLOCK=1024)
        return float(out.double().sum().item())

    return compute


def graph_round():
    """A model whose step is a captured CUDA graph."""
    import torch

    torch.manual_seed(7)
    net = torch.nn.Sequential(torch.nn.Linear(1024, 4096), torch.nn.GELU(), torch.nn.Linear(4096, 1024)).cuda().half().eval()
    x = torch.randn(64, 1024, device='cuda', dtype=torch.half)
    with torch.no_grad():
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                net(x)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            y = net(x)

    def compute():
        graph.replay()
        return float(y.double().sum().item())

    return compute


def generate_round():
    """A small language model with random weights that writes the same text again and again."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(7)
    model = GPT2LMHeadModel(GPT2Config(n_layer=4, n_head=8, n_embd=512)).cuda().eval()
    prompt = torch.arange(16, device='cuda').unsqueeze(0)
    return lambda: tuple(model.generate(prompt, max_new_tokens=16, do_sample=False, pad_token_id=0)[0].tolist())


compute = {'cupy': cupy_round, 'jax': jax_round, 'triton': triton_round, 'graph': graph_round, 'generate': generate_round}[name]()
expected = compute()
status = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
step = bad = 0
while True:
    step += 1
    bad += compute() != expected
    os.pwrite(status, ('step %d bad %d err 0' % (step, bad)).ljust(159).encode() + b'\n', 0)
    time.sleep(0.05)
