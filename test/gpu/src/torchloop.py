import os, sys, time
status = sys.argv[1]
t0 = time.time()
import torch
t1 = time.time()
torch.manual_seed(7); torch.use_deterministic_algorithms(False)
dev = 'cuda'
net = torch.nn.Sequential(torch.nn.Linear(512, 2048), torch.nn.ReLU(), torch.nn.Linear(2048, 2048), torch.nn.ReLU(), torch.nn.Linear(2048, 64)).to(dev)
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
big = torch.arange(64 << 20, device=dev, dtype=torch.int32)  # 256 MiB
total = int(big.sum(dtype=torch.int64).item())
grow = []
t2 = time.time()
fd = os.open(status, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
print('torch', torch.__version__, 'import %.1f s, ready %.1f s' % (t1 - t0, t2 - t1), 'conf', os.environ.get('PYTORCH_ALLOC_CONF'), flush=True)
step = 0
while True:
    g = torch.Generator(device=dev); g.manual_seed(step)
    x = torch.randn(256, 512, device=dev, generator=g); y = torch.randn(256, 64, device=dev, generator=g)
    loss = torch.nn.functional.mse_loss(net(x), y); opt.zero_grad(); loss.backward(); opt.step()
    if step % 50 == 0 and len(grow) < 8: grow.append(torch.full((4 << 20,), step, device=dev, dtype=torch.float32))
    bad = 0 if step % 20 else int(int(big.sum(dtype=torch.int64).item()) != total)
    step += 1
    os.pwrite(fd, ('step %d loss %.9f bad %d reserved %d MiB' % (step, loss.item(), bad, torch.cuda.memory_reserved() >> 20)).ljust(159).encode() + b'\n', 0)
    time.sleep(0.01)
