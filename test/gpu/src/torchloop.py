"""A training loop with a fixed seed. Status in the file argv[1] (one line, overwritten); every loss, bit by bit, is a line of argv[1].losses."""

import os
import sys
import time

# Before torch is imported: cuBLAS repeats its results only with a fixed workspace.
os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
begun = time.time()
import torch

imported = time.time()
status = sys.argv[1]
torch.manual_seed(7)
torch.use_deterministic_algorithms(True)
torch.backends.cuda.matmul.allow_tf32 = False
device = 'cuda'
net = torch.nn.Sequential(
    torch.nn.Linear(512, 2048),
    torch.nn.ReLU(),
    torch.nn.Linear(2048, 2048),
    torch.nn.ReLU(),
    torch.nn.Linear(2048, 64),
).to(device)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

# 256 MiB that nobody writes to: its sum tells whether they are still there.
big = torch.arange(64 << 20, device=device, dtype=torch.int32)
total = int(big.sum(dtype=torch.int64).item())
# Grows with time, so that the allocator has something to do.
kept = []
ready = time.time()
conf = os.environ.get('PYTORCH_ALLOC_CONF')
print('torch %s import %.1f s, ready %.1f s, conf %s' % (torch.__version__, imported - begun, ready - imported, conf), flush=True)
status_fd = os.open(status, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
losses = open(status + '.losses', 'w', buffering=1)


def batch(step):
    generator = torch.Generator(device=device)
    generator.manual_seed(step)
    x = torch.randn(256, 512, device=device, generator=generator)
    y = torch.randn(256, 64, device=device, generator=generator)
    return x, y


step = 0
while True:
    x, y = batch(step)
    loss = torch.nn.functional.mse_loss(net(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0 and len(kept) < 8:
        kept.append(torch.full((4 << 20,), step, device=device, dtype=torch.float32))
    bad = 0 if step % 20 else int(int(big.sum(dtype=torch.int64).item()) != total)
    step += 1
    value = loss.item()
    losses.write('%d %s\n' % (step, value.hex()))
    reserved = torch.cuda.memory_reserved() >> 20
    line = 'step %d loss %.9f bad %d err 0 reserved %d MiB' % (step, value, bad, reserved)
    os.pwrite(status_fd, line.ljust(159).encode() + b'\n', 0)
    time.sleep(0.01)
