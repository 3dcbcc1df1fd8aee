// SPDX-License-Identifier: Apache-2.0
package io.transferengine.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.uring.IoUring;
import io.transferengine.cli.faults.Relay;
import io.transferengine.cli.faults.Valve;
import io.transferengine.device.Devices;
import io.transferengine.device.SimulatedDevices;
import io.transferengine.memory.MemoryKind;
import io.transferengine.memory.Region;
import io.transferengine.testkit.Needs;
import io.transferengine.testkit.TestAuthority;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.TransferTask;
import io.transferengine.transport.Transport;
import io.transferengine.transport.TransportContext;
import io.transferengine.transport.TransportProvider;
import io.transferengine.transport.tcp.TcpTransportProvider;
import io.transferengine.wire.SegmentDescriptor;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** TCP on the loopback. Each engine names a {@link Relay} in place of its data port. */
final class TcpSetup extends TransportSetup {
  private final Valve valve = new Valve();
  private final Map<String, Relay> relays = new ConcurrentHashMap<>();

  private final int version;

  /** Null where nothing is a device's. */
  private final @Nullable SimulatedDevices driver;

  private final Predicate<String> onDevice;

  /**
   * @param version of the protocol that initiators speak, 1 or 2
   */
  TcpSetup(int version) {
    this(version, Map.of("MC_TCP_PROTO", Integer.toString(version)));
  }

  private TcpSetup(int version, Map<String, String> environment) {
    this(version, environment, null, _ -> false);
  }

  private TcpSetup(
      int version,
      Map<String, String> environment,
      @Nullable SimulatedDevices driver,
      Predicate<String> onDevice) {
    super("tcp", environment);
    this.version = version;
    this.driver = driver;
    this.onDevice = onDevice;
  }

  /**
   * {@return the same, with the large registration of some engines in a simulated device's memory}
   */
  TcpSetup onDevices(long seed, Predicate<String> engines) {
    SimulatedDevices made = new SimulatedDevices(seed, 1, Long.MAX_VALUE);
    return new TcpSetup(version, variables(), made, engines);
  }

  /** {@return version 2, on connections where everything has a checksum} */
  static TcpSetup withChecksums() {
    return new TcpSetup(2, Map.of("TE_CHECKSUM", "require_crc32c"));
  }

  /** {@return version 2 with both} */
  static TcpSetup withChecksumsOverTls() {
    Map<String, String> variables = new HashMap<>(Certificate.IDENTITY.variables());
    variables.put("TE_CHECKSUM", "require_crc32c");
    return new TcpSetup(2, variables);
  }

  /** {@return version 2 on io_uring, where the kernel copies nothing that is read} */
  static TcpSetup withoutCopies() {
    Needs.ofMachine(IoUring.isAvailable(), "the kernel does not allow io_uring");
    return new TcpSetup(2, Map.of("TE_TCP_IO", "io_uring", "TE_TCP_ZERO_COPY_BYTES", "1"));
  }

  /** {@return version 2 over TLS} */
  static TcpSetup overTls() {
    return new TcpSetup(2, Certificate.IDENTITY.variables());
  }

  /** Made once, when it is first needed. */
  private static final class Certificate {
    static final TestAuthority.Identity IDENTITY =
        TestAuthority.temporary("contract").loopback("party");
  }

  @Override
  boolean saysWhatItRefuses() {
    return version > 1; // One of version 1 closes the connection.
  }

  /**
   * Version 1 asks for one block after the other, each of which the target's device copies by
   * itself: 100,000 have arrived in 40 s, both ways together.
   */
  @Override
  int manyBlocks() {
    return version == 1 && driver != null ? 10_000 : super.manyBlocks();
  }

  @Override
  TransportProvider provider(String engine) {
    Relay relay = Relay.plain(valve);
    relays.put(engine, relay);
    TransportProvider real = new TcpTransportProvider();
    return new TransportProvider() {
      @Override
      public String name() {
        return real.name();
      }

      @Override
      public int priority() {
        return real.priority();
      }

      @Override
      public Optional<String> unavailabilityCause(TransportContext context) {
        return real.unavailabilityCause(context);
      }

      @Override
      public Transport create(TransportContext context) {
        return new Relayed(real.create(context), relay);
      }
    };
  }

  @Override
  Devices gpus(String engine) {
    SimulatedDevices devices = driver;
    return devices == null ? super.gpus(engine) : new Devices(() -> devices);
  }

  @Override
  String mainLocation(String engine) {
    return onDevice.test(engine) ? "cuda:0" : super.mainLocation(engine);
  }

  @Override
  long deviceAddress(String engine, MemorySegment contents) {
    SimulatedDevices devices = driver;
    return devices != null && onDevice.test(engine) ? devices.memory(0, contents) : 0;
  }

  @Override
  void stallAfter(long bytes) {
    valve.stallAfter(bytes);
  }

  @Override
  boolean isStalled() {
    return valve.isStalled();
  }

  @Override
  void resume() {
    valve.open();
  }

  @Override
  void kill(String engine) {
    Relay relay = relays.get(engine);
    if (relay != null) {
      relay.close();
    }
  }

  @Override
  public void close() {
    relays.values().forEach(Relay::close);
    if (driver != null) {
      // A slot that was not given back would keep all of them pinned.
      assertThat(driver.open()).isEmpty();
      driver.close();
    }
  }

  /** The transport, whose peers are told of the relay. */
  private record Relayed(Transport real, Relay relay) implements Transport {
    @Override
    public void describe(SegmentDescriptor.Builder descriptor, List<Region> regions) {
      real.describe(descriptor, regions);
      relay.leadTo(descriptor.build().tcpDataPort());
      descriptor.tcpDataPort(relay.port());
    }

    @Override
    public String name() {
      return real.name();
    }

    @Override
    public void start() {
      real.start();
    }

    @Override
    public boolean reaches(SegmentDescriptor peer) {
      return real.reaches(peer);
    }

    @Override
    public boolean moves(MemoryKind local, MemoryKind peer) {
      return real.moves(local, peer);
    }

    @Override
    public void registerAll(List<Region> regions) {
      real.registerAll(regions);
    }

    @Override
    public void unregisterAll(List<Region> regions) {
      real.unregisterAll(regions);
    }

    @Override
    public void submit(PeerAddress peer, TransferTask task) {
      real.submit(peer, task);
    }

    @Override
    public CompletableFuture<Void> drainInbound(long start, long end, Duration grace) {
      return real.drainInbound(start, end, grace);
    }

    @Override
    public void warmUp(PeerAddress peer) {
      real.warmUp(peer);
    }

    @Override
    public void stop(Duration timeout) {
      real.stop(timeout);
    }
  }
}
