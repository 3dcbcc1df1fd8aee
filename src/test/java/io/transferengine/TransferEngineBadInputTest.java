// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.Mapped;
import io.transferengine.testkit.Pattern;
import io.transferengine.testkit.PeerProcess;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.SocketTimeoutException;
import java.nio.channels.FileChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What bad input gets: a status, one warning that names the value, and an engine that goes on. */
@Timeout(60)
class TransferEngineBadInputTest {
  private static final PeerProcess peer = PeerProcess.start();
  private static final TransferEngine engine = new TransferEngine();
  private static long local;
  private static long remote;

  private LogCapture log = new LogCapture();

  @BeforeAll
  static void open() {
    peer.initialize("127.0.0.1");
    assertThat(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "")).isZero();
    local = engine.allocateManagedBuffer(4096);
    remote = peer.allocate(4096);
  }

  @AfterAll
  static void close() {
    engine.close();
    peer.close();
  }

  @BeforeEach
  void capture() {
    log.close();
    log = new LogCapture();
  }

  /** After each piece of bad input the engine works as before. */
  @AfterEach
  void stillUsable() {
    Pattern.fill(Mapped.at(local, 4096), 77, 0);
    peer.zero(remote, 4096);
    assertThat(engine.transferSyncWrite(peer.name(), local, remote, 4096)).isZero();
    assertThat(peer.mismatch(remote, 4096, 77)).isEqualTo(-1);
    log.close();
  }

  private void assertOneWarning(String... parts) {
    assertThat(log.warnings()).hasSize(1).first().asString().contains(parts);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "''                | P2PHANDSHAKE              | tcp   | host",
        "127.0.0.1:70000   | P2PHANDSHAKE              | tcp   | 70000",
        "127.0.0.1:abc     | P2PHANDSHAKE              | tcp   | abc",
        "127.0.0.1:        | P2PHANDSHAKE              | tcp   | 127.0.0.1:",
        "'two words'       | P2PHANDSHAKE              | tcp   | two words",
        "[::1              | P2PHANDSHAKE              | tcp   | [::1",
        "127.0.0.1         | ''                        | tcp   | MC_METADATA_SERVER",
        "127.0.0.1         | gopher://host:70          | tcp   | gopher://host:70",
        "127.0.0.1         | etcd://                   | tcp   | etcd://",
        "127.0.0.1         | P2PHANDSHAKE              | smoke | smoke",
        "127.0.0.1         | P2PHANDSHAKE              | TCP   | TCP",
      })
  void initializeNamesTheValueAndTheAcceptedForms(
      String host, String server, String protocol, String named) {
    try (TransferEngine other = new TransferEngine()) {
      assertThat(other.initialize(host, server, protocol, "")).isNegative();
      assertOneWarning(named);
      assertThat(log.warnings().getFirst()).containsAnyOf("Accepted are", "Use host:port");
      assertThat(other.getRpcPort()).isEqualTo(-1);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "etcd://127.0.0.1:1",
        "127.0.0.1:1",
        "127.0.0.1:1, 127.0.0.1:2",
        "http://127.0.0.1:1/metadata",
        "https://127.0.0.1:1/metadata",
        "redis://127.0.0.1:1",
      })
  void aMetadataServerThatIsNotThereIsNamed(String server) {
    try (TransferEngine other = new TransferEngine()) {
      assertThat(other.initialize("127.0.0.1", server, "tcp", "")).isEqualTo(-200);
      assertOneWarning("127.0.0.1:1", "cannot be reached", "Is it running");
      assertThat(other.getRpcPort()).isEqualTo(-1);
      // It may be tried again.
      assertThat(other.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "")).isZero();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "nonsense",
        "etcd://host",
        "etcd://;",
        "etcd://host:1;other",
        "http://",
        "http:///metadata",
        "http://h/meta data",
        "redis://h:port",
        "redis://a:1,b:2",
      })
  void aMetadataServerThatIsNoneIsRefused(String server) {
    try (TransferEngine other = new TransferEngine()) {
      assertThat(other.initialize("127.0.0.1", server, "tcp", "")).isEqualTo(-1);
      assertOneWarning("does not name a known kind of metadata server", "Accepted are");
    }
  }

  @Test
  void aMetadataServerWithAPasswordIsRefusedWithoutShowingIt() {
    try (TransferEngine other = new TransferEngine()) {
      assertThat(other.initialize("127.0.0.1", "http://user:password@h/metadata", "tcp", ""))
          .isEqualTo(-1);
      assertOneWarning(
          "'http://***@h/metadata' contains a user or a password", "the address alone");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "///", "two words", "rpc_meta/x", "ram/x"})
  void aNameThatCannotBeStoredIsRefused(String name) {
    try (TransferEngine other = new TransferEngine()) {
      assertThat(other.initialize(name, "memory://bad-names", "tcp", "")).isEqualTo(-1);
      assertOneWarning(name, "name");
    }
  }

  @Test
  void rdmaAndTheBestThereIsGiveTcpWithOneWarning() {
    for (String protocol : List.of("rdma", "")) {
      log.take();
      try (TransferEngine other = new TransferEngine()) {
        assertThat(other.initialize("127.0.0.1", "P2PHANDSHAKE", protocol, "")).isZero();
        assertOneWarning("TCP", "RDMA");
        long mine = other.allocateManagedBuffer(10);
        assertThat(other.transferSyncRead(peer.name(), mine, remote, 10)).isZero();
      }
    }
  }

  @Test
  void emptyNegativeAndOverflowingRegistrations() {
    try (Mapped mine = Mapped.of(8192)) {
      assertThat(engine.registerMemory(mine.address(), 0)).isEqualTo(-1);
      assertThat(engine.registerMemory(mine.address(), -1)).isEqualTo(-1);
      assertThat(engine.registerMemory(mine.address(), Long.MAX_VALUE)).isEqualTo(-1);
      assertThat(engine.registerMemory(Long.MAX_VALUE - 10, 100)).isEqualTo(-1);
      assertThat(engine.registerMemory(0, 4096)).isEqualTo(-1);
      assertThat(engine.registerMemory(-4096, 100)).isEqualTo(-1);
      assertThat(engine.registerMemory(mine.address(), 4096, "cuda:0")).isEqualTo(-1);
      assertThat(engine.registerMemory(mine.address(), 4096, "the moon")).isEqualTo(-1);
      assertThat(log.warnings()).hasSize(8);
      assertThat(log.warnings().get(6)).contains("cuda:0", "TCP", "a transport that moves it");
      assertThat(log.warnings().get(7)).contains("'the moon' is no location", "'cuda:N'");
    }
  }

  @Test
  void memoryThatIsNotMappedIsNotRegistered() {
    assertThat(engine.registerMemory(4096, 4096)).isEqualTo(-1);
    assertOneWarning("mapped", "0x1000");
  }

  @Test
  void memoryThatIsReadOnlyIsNotRegistered(@TempDir Path folder) throws IOException {
    Path file = Files.write(folder.resolve("page"), new byte[4096]);
    try (Arena arena = Arena.ofShared();
        FileChannel channel = FileChannel.open(file)) {
      MemorySegment page = channel.map(FileChannel.MapMode.READ_ONLY, 0, 4096, arena);
      assertThat(engine.registerMemory(page.address(), 4096)).isEqualTo(-1);
      assertOneWarning("writable", Long.toHexString(page.address()));
    }
  }

  @Test
  void overlapsNameTheOtherRegistration() {
    try (Mapped mine = Mapped.of(16_384)) {
      long a = mine.address() + 4096;
      assertThat(engine.registerMemory(a, 4096)).isZero();
      assertThat(engine.registerMemory(a, 4096)).isEqualTo(-7);
      assertOneWarning(Long.toHexString(a));
      assertThat(engine.registerMemory(a - 1, 2)).isEqualTo(-7);
      assertThat(engine.registerMemory(a + 4095, 2)).isEqualTo(-7);
      assertThat(engine.registerMemory(a + 1, 10)).isEqualTo(-7);
      assertThat(engine.registerMemory(a - 10, 4200)).isEqualTo(-7);
      assertThat(engine.registerMemory(a + 4096, 4096)).as("next to it").isZero();
      assertThat(engine.registerMemory(local, 10)).as("managed memory").isEqualTo(-7);
      assertThat(engine.batchUnregisterMemory(new long[] {a, a + 4096})).isZero();
    }
  }

  @Test
  void allocationsThatCannotBe() {
    assertThat(engine.allocateManagedBuffer(0)).isZero();
    assertOneWarning("0");
    log.take();
    assertThat(engine.allocateManagedBuffer(-7)).isZero();
    assertOneWarning("-7");
    log.take();
    assertThat(engine.allocateManagedBuffer(17L << 30)).as("above the 16 GiB limit").isZero();
    assertOneWarning(Long.toString(17L << 30), "TE_MANAGED_MEMORY_LIMIT_BYTES");
    log.take();
    assertThat(engine.allocateManagedBuffer(Long.MAX_VALUE)).isZero();
    assertOneWarning(Long.toString(Long.MAX_VALUE));
  }

  @Test
  void localRangesThatAreNotOursAreNotSent() {
    try (Mapped foreign = Mapped.of(4096)) {
      long inbound = foreign.address();
      assertThat(engine.transferSyncWrite(peer.name(), inbound, remote, 10)).isEqualTo(-3);
      assertThat(engine.transferSyncRead(peer.name(), inbound, remote, 10)).isEqualTo(-3);
      assertThat(engine.transferSyncWrite(peer.name(), local + 4090, remote, 7)).isEqualTo(-3);
      assertThat(engine.transferSyncWrite(peer.name(), local - 1, remote, 2)).isEqualTo(-3);
      assertThat(engine.transferSyncRead("127.0.0.1:1", inbound, remote, 10))
          .as("found before the peer is asked")
          .isEqualTo(-3);
      assertThat(engine.transferSubmitWrite(peer.name(), inbound, remote, 10)).isEqualTo(-3);
      assertThat(engine.transferSubmitRead(peer.name(), inbound, remote, 10)).isEqualTo(-3);
      long[] buffers = {local, inbound};
      long[] targets = {remote, remote + 100};
      long[] lengths = {10, 10};
      peer.zero(remote, 100);
      Pattern.fill(Mapped.at(local, 4096), 5, 0);
      assertThat(engine.batchTransferSyncWrite(peer.name(), buffers, targets, lengths))
          .isEqualTo(-3);
      assertThat(engine.batchTransferAsyncRead(peer.name(), buffers, targets, lengths))
          .isEqualTo(-3);
      assertThat(Long.parseLong(peer.ask("byte", remote, 10L))).as("nothing was sent").isZero();
      assertThat(log.warnings()).hasSize(9);
      assertThat(log.warnings().getFirst()).contains(Long.toHexString(inbound));
    }
  }

  @Test
  void bytesOutsideOfKnownMemory() {
    byte[] three = {1, 2, 3};
    for (long address : new long[] {0, 1, -1, 8, Long.MIN_VALUE, Long.MAX_VALUE, local + 4095}) {
      assertThat(engine.writeBytesToBuffer(address, three, 3)).isNegative();
      assertThat(engine.readBytesFromBuffer(address, 3)).isEmpty();
    }
    assertThat(engine.writeBytesToBuffer(local + 4096, three, 3)).isEqualTo(-3);
    assertThat(engine.writeBytesToBuffer(local, three, 4)).isEqualTo(-1);
    assertThat(engine.writeBytesToBuffer(local, three, -1)).isEqualTo(-1);
    assertThat(engine.writeBytesToBuffer(local, three, Long.MAX_VALUE)).isEqualTo(-1);
    assertThat(engine.readBytesFromBuffer(local, -1)).isEmpty();
    assertThat(engine.readBytesFromBuffer(local, 4097)).isEmpty();
    assertThat(engine.readBytesFromBuffer(local, 1L << 31)).isEmpty();
    assertThat(engine.readBytesFromBuffer(local, Long.MAX_VALUE)).isEmpty();
    long freed = engine.allocateManagedBuffer(64);
    assertThat(engine.freeManagedBuffer(freed, 64)).isZero();
    assertThat(engine.writeBytesToBuffer(freed, three, 3)).isEqualTo(-3);
    assertThat(engine.readBytesFromBuffer(freed, 3)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "no-such-host.invalid:1234",
        "127.0.0.1:1",
        "127.0.0.1:70000",
        "127.0.0.1:x",
        "",
        ":",
        "two words:1"
      })
  void unknownPeers(String name) {
    assertThat(engine.transferSyncWrite(name, local, remote, 10)).isNegative();
    assertThat(log.take()).hasSize(1).first().asString().contains(name);
    assertThat(engine.transferSyncRead(name, local, remote, 10)).isNegative();
    assertThat(engine.getFirstBufferAddress(name)).isZero();
    assertThat(engine.sendProbe(name)).isNegative();
    assertThat(engine.sendNotify(name, "n", "m")).isNegative();
    long id = engine.transferSubmitWrite(name, local, remote, 10);
    // What can be no name is refused at once; that nobody is there shows in the status.
    assertThat(id > 0).isEqualTo(name.endsWith(":1234") || name.equals("127.0.0.1:1"));
    assertThat(engine.getBatchTransferStatus(new long[] {id})).isEqualTo(-1);
    assertThat(log.warnings()).hasSize(5);
  }

  @Test
  void rangesThatThePeerHasNotRegistered() {
    long foreign = peer.map(12_288);
    long known = foreign + 4096;
    assertThat(peer.call("registerMemory", known, 4096)).isZero();
    for (long address :
        new long[] {foreign, known + 4090, known - 1, known + 4096, 1, Long.MAX_VALUE - 100}) {
      log.take();
      assertThat(engine.transferSyncWrite(peer.name(), local, address, 10)).isEqualTo(-1);
      assertOneWarning(Long.toHexString(address));
      assertThat(engine.transferSyncRead(peer.name(), local, address, 10)).isEqualTo(-1);
      assertThat(engine.transferSyncRead(peer.name(), local, remote, 10)).isZero();
    }
    for (long address : new long[] {foreign, known - 1, known, known + 4090, known + 4096}) {
      assertThat(peer.ask("byte", address, 10L)).isEqualTo("0");
    }
    assertThat(peer.call("unregisterMemory", known)).isZero();
    peer.ask("unmap", foreign);
  }

  /** A listener that never accepts, with its queue full: SYNs to it are dropped. */
  @Test
  void aBlackHoleEndsWithinTheConnectTimeout() throws IOException {
    List<SocketChannel> fillers = new ArrayList<>();
    try (ServerSocket hole = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        PeerProcess patientForOneSecond =
            PeerProcess.initialized(Map.of("MC_HANDSHAKE_CONNECT_TIMEOUT", "1"))) {
      InetSocketAddress address =
          new InetSocketAddress(InetAddress.getLoopbackAddress(), hole.getLocalPort());
      fillUp(address, fillers);
      long mine = patientForOneSecond.allocate(4096);
      String name = "127.0.0.1:" + hole.getLocalPort();
      long start = System.nanoTime();
      assertThat(patientForOneSecond.call("transferSyncWrite", name, mine, 4096, 10)).isNegative();
      assertThat(patientForOneSecond.call("sendProbe", name)).isNegative();
      assertThat(patientForOneSecond.call("getFirstBufferAddress", name)).isZero();
      assertThat(Duration.ofNanos(System.nanoTime() - start))
          .as("three times one second, far from the 30 s of a transfer")
          .isLessThan(Duration.ofSeconds(15));
      assertThat(patientForOneSecond.log())
          .anySatisfy(line -> assertThat(line).contains("WARN", name, "connect time-out"));
    } finally {
      for (SocketChannel filler : fillers) {
        filler.close();
      }
    }
  }

  private static void fillUp(InetSocketAddress address, List<SocketChannel> fillers)
      throws IOException {
    for (int i = 0; i < 16; i++) {
      SocketChannel filler = SocketChannel.open();
      fillers.add(filler);
      try {
        filler.socket().connect(address, 300);
      } catch (SocketTimeoutException e) {
        return;
      }
    }
    throw new AssertionError("the backlog is not full after 16 connections");
  }
}
