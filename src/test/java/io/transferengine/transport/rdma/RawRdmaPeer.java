// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.verbs.Access;
import io.transferengine.verbs.CompletionChannel;
import io.transferengine.verbs.CompletionQueue;
import io.transferengine.verbs.Context;
import io.transferengine.verbs.MemoryRegion;
import io.transferengine.verbs.ProtectionDomain;
import io.transferengine.verbs.QueuePair;
import io.transferengine.verbs.ReadyToReceive;
import io.transferengine.verbs.ReadyToSend;
import io.transferengine.verbs.SendWorkRequestRing;
import io.transferengine.verbs.SimulatedVerbs;
import io.transferengine.verbs.WorkCompletions;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * An engine written from the protocol page (sections 5 and 9) with sockets and verbs alone: none of
 * our codecs, no handshake code of ours. What it says is up to the test.
 */
final class RawRdmaPeer implements AutoCloseable {
  static final int CONNECTION = 0;
  static final int METADATA = 1;
  private static final String DEVICE = "sim0";
  private static final int MEMORY_BYTES = 1 << 16;

  /** What it says of itself in a Connection message. */
  enum Version {
    /** Up to v0.3.10: neither GID nor LID; asks for the sender's descriptor in its handler. */
    WITHOUT_GID,
    /** v0.3.11: GID and LID, one round. */
    WITH_GID,
    /** v0.3.12 and later: two rounds. */
    WITH_ACK
  }

  final Arena arena = Arena.ofShared();
  final Context context;
  final ProtectionDomain domain;
  final CompletionChannel channel;
  final CompletionQueue queue;
  final MemorySegment memory;
  final MemoryRegion region;
  final BlockingQueue<String> received = new LinkedBlockingQueue<>();
  private final ServerSocket server;
  private final Thread thread;
  private final List<QueuePair> queuePairs = new ArrayList<>();
  private volatile Function<String, String> handler = message -> "null";
  private volatile @Nullable Throwable failure;

  RawRdmaPeer(SimulatedVerbs verbs) throws IOException {
    context = Context.open(verbs, DEVICE);
    domain = context.allocateProtectionDomain();
    channel = context.createCompletionChannel();
    queue = context.createCompletionQueue(64, channel, 0);
    memory = arena.allocate(MEMORY_BYTES, 4096);
    region =
        domain.register(
            memory.address(),
            MEMORY_BYTES,
            Access.LOCAL_WRITE | Access.REMOTE_WRITE | Access.REMOTE_READ);
    newQueuePairs(2);
    server = new ServerSocket(0, 16, InetAddress.getLoopbackAddress());
    thread = Thread.ofPlatform().daemon().name("raw-rdma-peer").start(this::serve);
  }

  /** What it answers a Connection message with. */
  void onConnection(Function<String, String> answer) {
    handler = answer;
  }

  String name() {
    return "127.0.0.1:" + server.getLocalPort();
  }

  String path() {
    return name() + "@" + DEVICE;
  }

  String gid() {
    return HexFormat.ofDelimiter(":").formatHex(context.queryGid(1, 1));
  }

  void newQueuePairs(int count) {
    queuePairs.forEach(QueuePair::close);
    queuePairs.clear();
    for (int i = 0; i < count; i++) {
      queuePairs.add(domain.createQueuePair(queue, 16, 1, 1, 0));
    }
  }

  String numbers() {
    return queuePairs.stream()
        .map(pair -> Integer.toUnsignedString(pair.number()))
        .collect(Collectors.joining(",", "[", "]"));
  }

  String descriptor() {
    return ("{\"buffers\":[{\"addr\":%d,\"length\":%d,\"lkey\":[%s],\"name\":\"cpu:0\",\"rkey\":[%s]}],"
            + "\"devices\":[{\"gid\":\"%s\",\"lid\":0,\"name\":\"%s\"}],\"name\":\"%s\","
            + "\"priority_matrix\":{\"cpu:0\":[[\"%s\"],[]]},\"protocol\":\"rdma\","
            + "\"tcp_data_port\":0,\"tcp_proto_version\":1,\"timestamp\":\"\"}")
        .formatted(
            memory.address(),
            MEMORY_BYTES,
            Integer.toUnsignedString(region.localKey()),
            Integer.toUnsignedString(region.remoteKey()),
            gid(),
            DEVICE,
            name(),
            DEVICE);
  }

  /** Its own Connection message, or its answer, to the NIC {@code to}. */
  String message(Version version, String to, String ack) {
    String place =
        version == Version.WITHOUT_GID ? "" : "\"local_gid\":\"" + gid() + "\",\"local_lid\":0,";
    String ready = version == Version.WITH_ACK ? "\"ready_ack\":" + ack + "," : "";
    return "{%s\"local_nic_path\":\"%s\",\"payload\":\"\",\"peer_nic_path\":\"%s\",\"qp_num\":%s,%s\"reply_msg\":\"\"}"
        .formatted(place, path(), to, numbers(), ready);
  }

  static String rejection(String why) {
    return "{\"local_nic_path\":\"\",\"peer_nic_path\":\"\",\"qp_num\":[],\"reply_msg\":\"%s\"}"
        .formatted(why);
  }

  // ---- verbs

  /** Connects its queue pairs to those that a message names, by protocol section 9.1. */
  void connectTo(List<Integer> numbers, String gid) {
    byte[] theirs = HexFormat.ofDelimiter(":").parseHex(gid);
    for (int i = 0; i < queuePairs.size(); i++) {
      QueuePair pair = queuePairs.get(i);
      pair.toInit(1, 0, Access.LOCAL_WRITE | Access.REMOTE_READ | Access.REMOTE_WRITE);
      pair.toReadyToReceive(
          new ReadyToReceive(1024, numbers.get(i), 0, 16, 12, theirs, 1, 16, 0, 0, 0, 1, true));
      pair.toReadyToSend(new ReadyToSend(14, 7, 7, 0, 16));
    }
  }

  /** Writes its memory to a range of the other side, one-sided; returns the completion's status. */
  int write(long remoteAddress, int remoteKey, int bytes) {
    try (SendWorkRequestRing ring = new SendWorkRequestRing(1, 1);
        WorkCompletions completions = new WorkCompletions(1)) {
      ring.set(
          0, 1, true, true, memory.address(), bytes, region.localKey(), remoteAddress, remoteKey);
      if (queuePairs.getFirst().post(ring, 1) != 1) {
        throw new IllegalStateException("not posted");
      }
      long endNanos = System.nanoTime() + 20_000_000_000L;
      while (queue.poll(completions) == 0) {
        if (System.nanoTime() - endNanos > 0) {
          throw new IllegalStateException("no completion");
        }
        queue.requestNotification();
        channel.await(10);
      }
      return completions.status(0);
    }
  }

  // ---- sockets

  static String ask(int port, int type, String json) throws IOException {
    return ask("127.0.0.1", port, type, json);
  }

  /** As above, from an address of the loopback. */
  static String ask(String from, int port, int type, String json) throws IOException {
    try (Socket socket =
        new Socket(InetAddress.getLoopbackAddress(), port, InetAddress.getByName(from), 0)) {
      send(socket, type, json);
      return receive(socket, type);
    }
  }

  private static void send(Socket socket, int type, String json) throws IOException {
    byte[] text = (json + "\n").getBytes(StandardCharsets.UTF_8);
    ByteBuffer frame = ByteBuffer.allocate(9 + text.length).order(ByteOrder.LITTLE_ENDIAN);
    frame.putLong(1 + text.length).put((byte) type).put(text);
    OutputStream out = socket.getOutputStream();
    out.write(frame.array());
    out.flush();
  }

  private static String receive(Socket socket, int expectedType) throws IOException {
    DataInputStream in = new DataInputStream(socket.getInputStream());
    byte[] head = in.readNBytes(8);
    if (head.length < 8) {
      throw new IOException("closed without an answer");
    }
    int length = (int) ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN).getLong();
    int type = in.readByte();
    byte[] text = in.readNBytes(length - 1);
    if (expectedType >= 0 && type != expectedType) {
      throw new IOException("type " + type);
    }
    return (expectedType < 0 ? type + " " : "") + new String(text, StandardCharsets.UTF_8);
  }

  private void serve() {
    try {
      while (true) {
        Socket socket = server.accept();
        Thread.ofVirtual().start(() -> answer(socket));
      }
    } catch (IOException closed) {
      // The end.
    }
  }

  private void answer(Socket socket) {
    try (socket) {
      String request = receive(socket, -1);
      int type = Character.digit(request.charAt(0), 10);
      String json = request.substring(2);
      if (type == METADATA) {
        send(socket, METADATA, descriptor());
      } else {
        received.add(json);
        send(socket, type, handler.apply(json));
      }
      // Until the client closes, as a C++ peer does.
      socket.setSoTimeout(5_000);
      var _ = socket.getInputStream().read();
    } catch (IOException | RuntimeException e) {
      failure = e;
    }
  }

  @Nullable Throwable failure() {
    return failure;
  }

  // ---- reading what arrives, without a parser of ours

  static String text(String json, String member) {
    Matcher found = Pattern.compile("\"" + member + "\":\"((?:[^\"\\\\]|\\\\.)*)\"").matcher(json);
    if (!found.find()) {
      throw new IllegalArgumentException(member + " is not in " + json);
    }
    return found.group(1);
  }

  static List<Integer> numbers(String json) {
    Matcher found = Pattern.compile("\"qp_num\":\\[([0-9,]*)\\]").matcher(json);
    if (!found.find()) {
      throw new IllegalArgumentException("no qp_num in " + json);
    }
    List<Integer> numbers = new ArrayList<>();
    for (String number : found.group(1).split(",", -1)) {
      numbers.add(Integer.parseUnsignedInt(number));
    }
    return numbers;
  }

  @Override
  public void close() {
    try {
      server.close();
      thread.join(5_000);
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
    queuePairs.forEach(QueuePair::close);
    region.close();
    queue.close();
    channel.close();
    domain.close();
    context.close();
    arena.close();
  }
}
