// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.RawInitiator.OK;
import static io.transferengine.RawInitiator.READ;
import static io.transferengine.RawInitiator.REJECTED;
import static io.transferengine.RawInitiator.V2;
import static io.transferengine.RawInitiator.VECTOR_READ;
import static io.transferengine.RawInitiator.VECTOR_WRITE;
import static io.transferengine.RawInitiator.header;
import static io.transferengine.RawInitiator.vector;
import static io.transferengine.RawInitiator.writeRequest;
import static io.transferengine.TestEngine.eventually;
import static io.transferengine.TestEngine.random;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.LogCapture;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Peers that ask for registered memory of ours which is mapped but no longer there. */
@Timeout(60)
class LostTargetMemoryTest {
  private static final int MIB = 1 << 20;

  /** So that the copies are compiled code, which is told of lost memory late. */
  private static final int WARM_UPS = 20_000;

  @TempDir Path folder;

  /** C1: a use was kept for ever, and unregister failed after 11 s. */
  @ParameterizedTest
  @CsvSource({
    "READ,0,100", "READ,0x80,100", "READ,0,100000", "READ,0x80,100000", "READ,0x80,1000000",
    "WRITE,0,100", "WRITE,0x80,100", "WRITE,0,100000", "WRITE,0x80,100000", "WRITE,0x80,1000000"
  })
  void aRequestForLostMemoryEndsItsConnectionAndKeepsNothing(
      String operation, String versionBit, int size) throws Exception {
    int version = Integer.decode(versionBit);
    try (LogCapture log = new LogCapture();
        DoomedMemory doomed = new DoomedMemory(folder, MIB);
        TestEngine target = new TestEngine(MIB)) {
      Registration registered = target.engine.register(doomed.segment);
      target.put(0, random(1, MIB));
      int port = RawInitiator.dataPort(target.engine.rpcPort());
      long lost = doomed.segment.address();
      try (RawInitiator other = new RawInitiator(port, 0);
          RawInitiator peer = new RawInitiator(port, 0)) {
        assertServed(other, target);
        warmUp(peer, lost, version);
        doomed.truncate();
        byte[] body = operation.equals("WRITE") ? random(2, size) : new byte[0];
        byte[] request =
            operation.equals("WRITE")
                ? writeRequest(lost, body, version)
                : header(size, lost, READ | version);
        sendAsFarAsItGoes(peer, request);
        assertRefusedOrCut(peer, version);
        assertServed(other, target);
      }
      assertLogged(log);
      target.assertNothingInFlight();
      registered.close();
    }
  }

  /** Ranges that are there before and after it, in staging and from where they lie. */
  @ParameterizedTest
  @ValueSource(ints = {50, 5000, 10_000, 60_000})
  void aVectoredRequestWithOneLostRangeEndsItsConnectionAndKeepsNothing(int size) throws Exception {
    try (LogCapture log = new LogCapture();
        DoomedMemory doomed = new DoomedMemory(folder, MIB);
        TestEngine target = new TestEngine(16 * MIB)) {
      Registration registered = target.engine.register(doomed.segment);
      target.put(0, random(1, 16 * MIB));
      int port = RawInitiator.dataPort(target.engine.rpcPort());
      int ranges = Math.min(100, MIB / size);
      long[] table = new long[2 * ranges];
      for (int i = 0; i < ranges; i++) {
        table[2 * i] =
            i == ranges / 2 ? doomed.segment.address() : target.address() + 2L * i * size;
        table[2 * i + 1] = size;
      }
      long total = (long) ranges * size;
      try (RawInitiator other = new RawInitiator(port, 0)) {
        assertServed(other, target);
        try (RawInitiator peer = new RawInitiator(port, 0)) {
          for (int i = 0; i < 500; i++) {
            peer.send(vector(VECTOR_READ, 2L * 50, 2, doomed.segment.address(), 50, table[0], 50));
            assertThat(peer.receive(8)).isEqualTo(OK);
            byte[] _ = peer.receive(100);
          }
          doomed.truncate();
          peer.send(vector(VECTOR_READ, total, ranges, table));
          byte[] all = peer.receiveToEndOrResetBytes();
          byte[] came = Arrays.copyOfRange(all, Math.min(all.length, OK.length), all.length);
          assertThat(came.length).as("cut off").isLessThanOrEqualTo(size * ranges / 2);
          for (int i = 0; i + size <= came.length; i += size) {
            assertThat(Arrays.copyOfRange(came, i, i + size))
                .as("nothing foreign")
                .isEqualTo(target.bytes(2L * i, size));
          }
        }
        try (RawInitiator peer = new RawInitiator(port, 0)) {
          ByteArrayOutputStream request = new ByteArrayOutputStream();
          request.writeBytes(vector(VECTOR_WRITE, total, ranges, table));
          request.writeBytes(random(3, (int) total));
          sendAsFarAsItGoes(peer, request.toByteArray());
          assertRefusedOrCut(peer, V2);
        }
        assertAtMostWhatWasSent(target, ranges / 2 + 1, size, random(3, (int) total));
        target.put(0, random(1, 16 * MIB));
        assertServed(other, target);
      }
      assertLogged(log);
      target.assertNothingInFlight();
      registered.close();
    }
  }

  /** What came together with the lost range may be behind it, and nothing foreign. */
  private static void assertAtMostWhatWasSent(
      TestEngine target, int range, int size, byte[] bodies) {
    byte[] now = target.bytes(2L * range * size, size);
    byte[] sent = Arrays.copyOfRange(bodies, range * size, (range + 1) * size);
    byte[] wanted =
        Arrays.copyOfRange(random(1, 16 * MIB), 2 * range * size, (2 * range + 1) * size);
    int arrived = Arrays.mismatch(now, sent);
    System.arraycopy(sent, 0, wanted, 0, arrived < 0 ? size : arrived);
    assertThat(now).as("behind the lost range").isEqualTo(wanted);
  }

  private static void warmUp(RawInitiator peer, long address, int version) throws IOException {
    ByteArrayOutputStream requests = new ByteArrayOutputStream();
    int many = 100;
    for (int i = 0; i < many; i++) {
      requests.writeBytes(writeRequest(address, new byte[100], version));
      requests.writeBytes(header(100, address, READ | version));
    }
    byte[] all = requests.toByteArray();
    for (int i = 0; i < WARM_UPS; i += many) {
      peer.send(all);
      byte[] _ = peer.receive(many * (100 + (version == 0 ? 0 : 2 * 8)));
    }
  }

  private static void assertServed(RawInitiator other, TestEngine target) throws IOException {
    other.send(header(1000, target.address(), READ | V2));
    assertThat(other.receive(8)).isEqualTo(OK);
    assertThat(other.receive(1000)).isEqualTo(random(1, 1000));
    other.send(header(MIB, target.address(), READ | V2));
    assertThat(other.receive(8)).isEqualTo(OK);
    assertThat(other.receive(MIB)).isEqualTo(random(1, MIB));
  }

  /** A status that refuses, or one that promised bytes which never came; nothing but the end. */
  private static void assertRefusedOrCut(RawInitiator peer, int version) {
    byte[] came = peer.receiveToEndOrResetBytes();
    if (version != 0 && came.length > 0) {
      assertThat(came).isIn(REJECTED, OK);
    } else {
      assertThat(came).isEmpty();
    }
  }

  private static void assertLogged(LogCapture log) {
    // The peer may see the end of its connection before the target has told of it.
    eventually(
        "the loss is told",
        () -> log.warnings().stream().anyMatch(line -> line.contains("pages are gone")));
    assertThat(log.warnings()).noneMatch(line -> line.contains("fault of this process"));
  }

  private static void sendAsFarAsItGoes(RawInitiator peer, byte[] bytes) {
    try {
      peer.send(bytes);
    } catch (IOException e) {
      // Cut off within it.
    }
  }
}
