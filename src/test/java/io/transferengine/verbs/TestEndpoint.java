// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.Mapped;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;

/** One side of a connection with everything that it needs, for tests. */
final class TestEndpoint implements AutoCloseable {
  static final int SEND_WORK_REQUESTS = 32;
  static final int ELEMENTS = 4;
  private static final int PORT = 1;
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);
  private static final int WAIT_MILLIS = 1000;

  final Context context;
  final ProtectionDomain domain;
  final CompletionChannel channel;
  final CompletionQueue queue;
  final QueuePair pair;
  final SendWorkRequestRing ring = new SendWorkRequestRing(SEND_WORK_REQUESTS, ELEMENTS);
  final WorkCompletions completions = new WorkCompletions(16);
  final int gidIndex;
  final byte[] gid;

  TestEndpoint(VerbsLibrary library, String device) {
    context = Context.open(library, device);
    domain = context.allocateProtectionDomain();
    channel = context.createCompletionChannel();
    queue = context.createCompletionQueue(4 * SEND_WORK_REQUESTS, channel, 0);
    pair = domain.createQueuePair(queue, SEND_WORK_REQUESTS, 1, ELEMENTS, 0);
    gidIndex = routableGid(context);
    gid = context.queryGid(PORT, gidIndex);
  }

  /** Index of the first GID that maps an IPv4 address, 0 when there is none. */
  private static int routableGid(Context context) {
    byte[] prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1};
    for (int i = 0; i < context.queryPort(PORT).gidTableLength(); i++) {
      if (Arrays.equals(context.queryGid(PORT, i), 0, prefix.length, prefix, 0, prefix.length)) {
        return i;
      }
    }
    return 0;
  }

  static void connect(TestEndpoint one, TestEndpoint other) {
    one.connectTo(other.pair.number(), other.gid);
    other.connectTo(one.pair.number(), one.gid);
  }

  void connectTo(int peerNumber, byte[] peerGid) {
    connectTo(peerNumber, peerGid, Access.LOCAL_WRITE | Access.REMOTE_READ | Access.REMOTE_WRITE);
  }

  void connectTo(int peerNumber, byte[] peerGid, int access) {
    pair.toInit(PORT, 0, access);
    pair.toReadyToReceive(readyToReceive(peerNumber, peerGid));
    pair.toReadyToSend(readyToSend());
  }

  ReadyToReceive readyToReceive(int peerNumber, byte[] peerGid) {
    int mtu = context.queryPort(PORT).activeMtuBytes();
    return new ReadyToReceive(
        mtu, peerNumber, 0, 16, 12, peerGid, gidIndex, 16, 0, 0, 0, PORT, true);
  }

  /** Six repetitions: rxe takes seven for "for ever". */
  static ReadyToSend readyToSend() {
    return new ReadyToSend(14, 6, 7, 0, 16);
  }

  MemoryRegion register(Mapped memory) {
    return domain.register(
        memory.address(),
        memory.length(),
        Access.LOCAL_WRITE | Access.REMOTE_READ | Access.REMOTE_WRITE);
  }

  /** Posts one signalled request and waits for its end. */
  WorkCompletionStatus run(
      boolean write, MemoryRegion local, int lengthBytes, long remoteAddress, int remoteKey) {
    ring.set(
        0,
        77,
        write,
        true,
        local.address(),
        lengthBytes,
        local.localKey(),
        remoteAddress,
        remoteKey);
    assertThat(pair.post(ring, 1)).as("accepted, errno %d", pair.lastErrno()).isEqualTo(1);
    assertThat(awaitCompletions()).isEqualTo(1);
    assertThat(completions.workRequestId(0)).isEqualTo(77);
    assertThat(completions.queuePairNumber(0)).isEqualTo(pair.number());
    return WorkCompletionStatus.of(completions.status(0));
  }

  /** Sleeps on the channel until there is a completion; at least one, or the test fails. */
  int awaitCompletions() {
    long start = System.nanoTime();
    while (System.nanoTime() - start < PATIENCE_NANOS) {
      int count = queue.poll(completions);
      if (count > 0) {
        return count;
      }
      queue.requestNotification();
      count = queue.poll(completions);
      if (count > 0) {
        return count;
      }
      channel.await(WAIT_MILLIS);
    }
    throw new AssertionError("No completion on " + pair + ", state " + pair.state());
  }

  @Override
  public void close() {
    context.close();
    ring.close();
    completions.close();
  }
}
