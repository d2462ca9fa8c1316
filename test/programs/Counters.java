import java.io.File;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;

/** Sixteen threads that count and make garbage. Speaks like a victim. */
public class Counters {
  static final int THREADS = 16;
  static volatile boolean gone;

  static long step(long value) {
    byte[] garbage = new byte[512];
    garbage[(int) (value & 511)] = (byte) value;
    return value + 1 + (garbage[(int) (value & 511)] - (byte) value);
  }

  static void await(AtomicLong[] counts, long[] above) throws InterruptedException {
    long end = System.nanoTime() + 30_000_000_000L;
    for (int i = 0; i < THREADS; i++) {
      while (counts[i].get() < above[i]) {
        if (System.nanoTime() > end) throw new IllegalStateException("thread " + i + " does not count");
        Thread.sleep(2);
      }
    }
  }

  static long[] goals(AtomicLong[] counts, long more) {
    long[] goals = new long[THREADS];
    for (int i = 0; i < THREADS; i++) goals[i] = counts[i].get() + more;
    return goals;
  }

  public static void main(String[] args) throws Exception {
    AtomicLong[] counts = new AtomicLong[THREADS];
    CountDownLatch ended = new CountDownLatch(THREADS);
    for (int i = 0; i < THREADS; i++) {
      AtomicLong count = counts[i] = new AtomicLong();
      new Thread(
              () -> {
                long own = 0;
                while (!gone) {
                  own = step(own);
                  if (!count.compareAndSet(own - 1, own)) System.out.println("FAIL: a counter jumped");
                  if (own % 1000 == 0) Thread.onSpinWait();
                  if (own % 20000 == 0) {
                    try {
                      Thread.sleep(1);
                    } catch (InterruptedException e) {
                      return;
                    }
                  }
                }
                ended.countDown();
              })
          .start();
    }
    await(counts, goals(counts, 20000));
    long[] ready = goals(counts, 0);
    System.out.println("READY");
    long start = System.nanoTime();
    File go = new File("go");
    while (!go.exists()) {
      if (System.nanoTime() - start > 50_000_000_000L) throw new IllegalStateException("the file go never came");
      Thread.sleep(5);
    }
    for (int i = 0; i < THREADS; i++)
      if (counts[i].get() < ready[i]) System.out.println("FAIL: counter " + i + " went back");
    await(counts, goals(counts, 20000));
    gone = true;
    ended.await();
    System.gc();
    System.out.println("PASS");
  }
}
