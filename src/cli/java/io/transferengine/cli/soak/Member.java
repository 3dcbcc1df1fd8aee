// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.cli.faults.CheckedMemory;
import io.transferengine.cli.faults.Range;
import io.transferengine.cli.faults.Relay;
import io.transferengine.cli.faults.Trap;
import io.transferengine.cli.target.TargetProcess;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A process of a group, its memory, and the relays in front of its ports. Its memory is a file,
 * which stays when the process is killed; or a pool, which stays as long as we have it mapped.
 */
final class Member implements Victim, AutoCloseable {
  /**
   * What the JVM warns of, such as a thread that cannot start, goes where the engine's log goes.
   */
  private static final List<String> JVM_OPTIONS =
      List.of(
          "-Xmx96m",
          "-XX:+UseSerialGC",
          "-XX:-UsePerfData",
          "-Xlog:disable",
          "-Xlog:all=warning:stderr");

  /** Starts faster, and ends up slower. Ciphers would be some 50 times slower. */
  private static final String QUICK_COMPILER = "-XX:TieredStopAtLevel=1";

  /** For what happens at once, on however busy a machine. */
  private static final int ACCEPT_MILLIS = 60_000;

  private final Arena arena = Arena.ofShared();
  private final Path folder;
  private final Path log;
  private final Path file;
  private final Path pipe;
  private final boolean managed;
  private final CheckedMemory memory;
  private final Relay handshakes;
  private final Relay data;
  private final Child child;
  private String segment = "";
  private long base;
  private int fills;

  /** Of the view of its pool. */
  private Arena view = Arena.ofShared();

  /**
   * Starts it.
   *
   * @param metadataServer of its engine
   */
  Member(Setup setup, String name, String metadataServer, Trap trap, long seed) {
    folder = setup.folder();
    log = setup.log(name);
    pipe = setup.folder().resolve(name + ".heap");
    file = setup.folder().resolve(name + ".memory");
    managed = setup.configuration().variant().isManaged();
    memory =
        managed
            ? new CheckedMemory(name, view.allocate(Layout.MANAGED_BYTES), seed)
            : memory(name, file, seed);
    handshakes = relay(setup, (at, to) -> Relay.handshake(at, to, trap), trap);
    data = relay(setup, (at, to) -> Relay.data(at, to, trap), trap);
    String localName = metadataServer.equals(Setup.PEER_TO_PEER) ? Ports.REAL : name;
    List<String> arguments =
        new ArrayList<>(
            List.of(
                (managed ? Offer.MANAGED : file).toString(),
                setup.protocol(),
                metadataServer,
                localName));
    if (setup.fullHeaps()) {
      makePipe();
      arguments.add(pipe.toString());
    }
    ProcessBuilder builder =
        TargetProcess.java(
                setup.environment(),
                jvmOptions(setup.configuration().tls()),
                SoakAgent.class,
                arguments)
            .redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()));
    Map<String, String> variables = builder.environment();
    variables.keySet().removeIf(key -> key.startsWith("MC_") || key.startsWith("TE_"));
    // Nothing may be moved in another way.
    variables.put("TE_LOCAL", setup.onOneMachine() ? "required" : "off");
    variables.putAll(setup.variables());
    if (setup.configuration().tls()) {
      // So that each TLS of data connections meets itself and the other, if both are there.
      variables.put("TE_TLS_PROVIDER", (seed & 1) == 0 ? "auto" : "jdk");
    }
    variables.put("TE_LISTEN_ADDRESS", Ports.REAL);
    variables.put("TE_ADVERTISED_HOST", Ports.TOLD);
    variables.put("TE_RPC_PORT", Integer.toString(handshakes.port()));
    variables.put("TE_DATA_PORT", Integer.toString(data.port()));
    child = new Child(name, setup.limitable(builder));
  }

  private void makePipe() {
    Tool.require(List.of("mkfifo", pipe.toString()));
  }

  private static List<String> jvmOptions(boolean tls) {
    List<String> options = new ArrayList<>(JVM_OPTIONS);
    if (!tls) {
      options.add(QUICK_COMPILER);
    }
    return options;
  }

  private static Relay relay(Setup setup, Ports.Maker plain, Trap trap) {
    return Ports.relay(setup.configuration().tls() ? (at, to) -> Relay.tls(at, to, trap) : plain);
  }

  private CheckedMemory memory(String name, Path file, long seed) {
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE)) {
      return new CheckedMemory(
          name, channel.map(FileChannel.MapMode.READ_WRITE, 0, Layout.ALL_BYTES, arena), seed);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Waits until it is ready. */
  void greet() {
    String[] words = child.greeting();
    segment = words[0];
    isAt(Long.parseLong(words[1]), Integer.parseInt(words[2]));
    data.hasRegistered(
        Layout.registered(managed).stream()
            .map(part -> new Range(base + part.offset(), part.length()))
            .toList());
  }

  @Override
  public Child child() {
    return child;
  }

  @Override
  public Optional<Remains> remains() {
    return Optional.of(new Remains(child.pid(), folder));
  }

  @Override
  public void restart() {
    child.restart();
    fills = 0;
    greet();
  }

  @Override
  public void fillHeap(int millis) {
    // Not only for writing: that would wait for a reader, which may have been killed.
    try (RandomAccessFile to = new RandomAccessFile(pipe.toFile(), "rw")) {
      to.write(1 + millis / HeapFiller.UNIT_MILLIS);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    fills++;
  }

  @Override
  public void awaitHeap() {
    String _ = child.ask("filled", fills);
  }

  /** Has sockets counted no more that are lost, one at most for each time its heap was full. */
  int giveUpLostSockets() {
    return fills == 0 ? 0 : child.giveUpLostSockets(fills);
  }

  /** It has memory now that has to hold what the last one held. */
  private void isAt(long address, int descriptor) {
    base = address;
    if (managed) {
      Arena next = Arena.ofShared();
      memory.moveTo(ManagedParts.map(Long.toString(child.pid()), descriptor, next));
      view.close();
      view = next;
    }
  }

  /** Its memory was mapped anew. */
  void isAt(long address) {
    base = address;
  }

  /** Its engine is closed, and another opened: peers have to find out, and it knows none. */
  void reopen() {
    if (managed) {
      // The pages of a pool that ends go back at once.
      Arena between = Arena.ofShared();
      memory.moveTo(between.allocate(Layout.MANAGED_BYTES));
      view.close();
      view = between;
    }
    String[] place = child.ask("reopen").split(" ", -1);
    isAt(Long.parseLong(place[0]), Integer.parseInt(place[1]));
    child.hasOtherPorts();
  }

  String segment() {
    return segment;
  }

  /** {@return where its memory begins in its process} */
  long base() {
    return base;
  }

  CheckedMemory memory() {
    return memory;
  }

  Path memoryFile() {
    return file;
  }

  Path log() {
    return log;
  }

  /**
   * Returns when the process has taken all connections to its data port that were opened before. As
   * long as it was stopped, they waited in the system with the bytes that they brought, whether
   * their other ends are still there or not.
   */
  void awaitAccepted() {
    try (Socket mark = new Socket()) {
      mark.setSoTimeout(ACCEPT_MILLIS);
      mark.connect(new InetSocketAddress(InetAddress.ofLiteral(Ports.REAL), data.port()));
      mark.shutdownOutput();
      // It closes a connection on which nothing comes.
      var _ = mark.getInputStream().readAllBytes();
    } catch (SocketTimeoutException e) {
      throw new AssertionError(name() + " takes no connections", e);
    } catch (IOException e) {
      // Nobody listens, or it has closed the connection already.
    }
  }

  List<Relay> relays() {
    return List.of(handshakes, data);
  }

  @Override
  public void close() {
    child.end();
    relays().forEach(Relay::close);
    arena.close();
    view.close();
  }
}
