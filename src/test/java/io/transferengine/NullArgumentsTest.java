// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.observation.ObservationRegistry;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.transferengine.access.AccessPolicy;
import io.transferengine.access.PeerIdentity;
import io.transferengine.access.RegisteredRange;
import io.transferengine.buffers.BufferTransfer;
import io.transferengine.buffers.CountedBuffer;
import io.transferengine.buffers.RegisteredMemory;
import io.transferengine.diagnostics.EngineCounters;
import io.transferengine.diagnostics.EngineEnvironment;
import io.transferengine.diagnostics.LocalDevices;
import io.transferengine.diagnostics.SegmentDirectory;
import io.transferengine.engine.Notifications;
import io.transferengine.events.EngineListener;
import io.transferengine.events.TransferReport;
import io.transferengine.metadata.server.HttpMetadataServer;
import io.transferengine.metadata.server.ServerSecurity;
import io.transferengine.metrics.LatencyHistogram;
import io.transferengine.metrics.MetricsSnapshot;
import io.transferengine.metrics.PeerSnapshot;
import io.transferengine.micrometer.ObservedTransfers;
import io.transferengine.micrometer.TransferEngineMetrics;
import io.transferengine.netty.ByteBufArenas;
import io.transferengine.netty.ByteBufs;
import io.transferengine.topology.Topology;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.BlockLayout;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.NativeMemory;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TraceParent;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.wire.NotifyMessage;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Parameter;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.LoggerFactory;

/** A null argument is refused by its name, whichever method of the typed API it is given to. */
@Timeout(60)
class NullArgumentsTest {
  /** Classes whose methods are called; objects of them come from {@link #examples}. */
  private static final List<Class<?>> API =
      List.of(
          Engine.class,
          Segment.class,
          RegistrationOptions.class,
          EngineConfig.class,
          EngineConfig.Builder.class,
          TransferNotify.class,
          TransferRequest.class,
          TransferRequest.Notification.class,
          BlockColumns.class,
          BlockLayout.class,
          HostPort.class,
          NativeMemory.class,
          EngineEnvironment.class,
          LocalDevices.class,
          LatencyHistogram.class,
          MetricsSnapshot.class,
          MetricsSnapshot.Builder.class,
          PeerSnapshot.class,
          TransferReport.class,
          TransferReport.Builder.class,
          TransferEngineMetrics.class,
          ObservedTransfers.class,
          EngineCounters.class,
          SegmentDirectory.class,
          HttpMetadataServer.class,
          ServerSecurity.class,
          BufferTransfer.class,
          RegisteredMemory.class,
          ByteBufArenas.class,
          ByteBufs.class);

  /** An object of each class that is a parameter or has methods. */
  private static Map<Class<?>, Object> examples(TestEngine here) {
    Segment segment = here.engine.openSegment(here.engine.segmentName());
    BlockColumns blocks = BlockColumns.of(here.address(), here.address(), 1);
    Map<Class<?>, Object> all = new HashMap<>();
    all.put(Engine.class, here.engine);
    all.put(Segment.class, segment);
    all.put(RegistrationOptions.class, RegistrationOptions.DEFAULT);
    all.put(EngineConfig.class, EngineConfig.builder("127.0.0.1").build());
    all.put(EngineConfig.Builder.class, EngineConfig.builder("127.0.0.1"));
    all.put(TransferNotify.class, new TransferNotify("n", "m"));
    all.put(TransferRequest.class, segment.request(Operation.READ, blocks));
    all.put(BlockColumns.class, blocks);
    all.put(BlockLayout.class, new BlockLayout(1, 1, 1, new int[0]));
    all.put(MetricsSnapshot.class, here.engine.metrics());
    all.put(MetricsSnapshot.Builder.class, MetricsSnapshot.builder());
    all.put(PeerSnapshot.class, PeerSnapshot.builder().build());
    all.put(LatencyHistogram.class, here.engine.metrics().latency());
    all.put(TransferReport.Builder.class, TransferReport.builder(Operation.READ, "peer"));
    all.put(EngineListener.class, new EngineListener() {});
    all.put(Iterable.class, List.of());
    all.put(TransferException.class, new TransferException(ErrorCode.SOCKET, "x", ""));
    all.put(TransferEngineMetrics.class, new TransferEngineMetrics(here.engine));
    all.put(MeterRegistry.class, new SimpleMeterRegistry());
    all.put(ObservationRegistry.class, ObservationRegistry.create());
    all.put(
        ObservedTransfers.class, new ObservedTransfers(here.engine, ObservationRegistry.create()));
    all.put(CountedBuffer.class, new NoBuffer());
    all.put(RegisteredMemory.class, new RegisteredMemory(here.engine, RegistrationOptions.DEFAULT));
    all.put(ByteBuf.class, Unpooled.EMPTY_BUFFER);
    all.put(ByteBufArenas.class, new ByteBufArenas(here.engine, RegistrationOptions.DEFAULT));
    all.put(Supplier.class, (Supplier<Transfer>) () -> segment.submit(Operation.READ, blocks));
    all.put(EngineEnvironment.class, EngineEnvironment.of(Map.of()));
    all.put(MemorySegment.class, here.memory);
    all.put(ByteBuffer.class, here.memory.asByteBuffer());
    all.put(String.class, "x");
    all.put(Duration.class, Duration.ofSeconds(1));
    all.put(Operation.class, Operation.READ);
    all.put(Path.class, Path.of("/nowhere"));
    all.put(Map.class, Map.of());
    all.put(List.class, List.of());
    all.put(Set.class, Set.of());
    all.put(Optional.class, Optional.empty());
    all.put(
        AccessPolicy.class,
        new AccessPolicy() {
          @Override
          public boolean mayRead(PeerIdentity peer, RegisteredRange memory) {
            return true;
          }

          @Override
          public boolean mayWrite(PeerIdentity peer, RegisteredRange memory) {
            return true;
          }
        });
    all.put(Executor.class, (Executor) Runnable::run);
    all.put(Consumer.class, (Consumer<Object>) any -> {});
    all.put(Topology.class, Topology.none());
    all.put(
        Notification.class,
        new Notification(
            new Notifications.Kept(
                new NotifyMessage("a", "b"), InetAddress.getLoopbackAddress(), 0)));
    all.put(
        TraceParent.class,
        TraceParent.of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
    all.put(SSLContext.class, defaultContext());
    all.put(long[].class, new long[0]);
    all.put(int[].class, new int[0]);
    return all;
  }

  private static final class NoBuffer implements CountedBuffer {
    @Override
    public void retain() {}

    @Override
    public void release() {}

    @Override
    public void moved() {}
  }

  private static SSLContext defaultContext() {
    try {
      return SSLContext.getDefault();
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  private static Object value(Class<?> type, Map<Class<?>, Object> examples) {
    if (type == boolean.class) {
      return false;
    }
    if (type == int.class) {
      return 1;
    }
    if (type == long.class) {
      return 1L;
    }
    if (type.isEnum()) {
      return type.getEnumConstants()[0];
    }
    return Objects.requireNonNull(examples.get(type), type::toString);
  }

  private static List<Executable> calls(Class<?> type) {
    List<Executable> calls = new ArrayList<>();
    for (Method method : type.getMethods()) {
      boolean ours = method.getDeclaringClass().getName().startsWith("io.transferengine");
      if (ours && !method.getName().equals("equals") && !method.isBridge()) {
        calls.add(method);
      }
    }
    calls.addAll(List.of(type.getConstructors()));
    return calls;
  }

  /** The texts of what is thrown with one argument null after the other, as far as wrong. */
  private static List<String> wrong(
      Class<?> type, Executable call, Map<Class<?>, Object> examples) {
    List<String> wrong = new ArrayList<>();
    Parameter[] parameters = call.getParameters();
    for (int i = 0; i < parameters.length; i++) {
      if (parameters[i].getType().isPrimitive()) {
        continue;
      }
      Object[] arguments =
          Arrays.stream(call.getParameterTypes())
              .map(parameter -> value(parameter, examples))
              .toArray(Object[]::new);
      arguments[i] = null;
      // A setter of a builder calls its parameter "value", and the text names the option instead.
      String name = parameters[i].getName();
      String text = thrown(type, call, examples, arguments);
      String expected = (name.equals("value") ? "\\w+" : name) + " must not be null";
      if (!text.matches("java.lang.NullPointerException: " + expected)) {
        wrong.add(call + " with null for " + name + ": " + text);
      }
    }
    return wrong;
  }

  private static String thrown(
      Class<?> type, Executable call, Map<Class<?>, Object> examples, Object[] arguments) {
    try {
      if (call instanceof Constructor<?> constructor) {
        var _ = constructor.newInstance(arguments);
      } else if (call instanceof Method method) {
        boolean isStatic = Modifier.isStatic(method.getModifiers());
        if (!isStatic && examples.get(type) == null) {
          throw new AssertionError("no object for " + call);
        }
        var _ = method.invoke(isStatic ? null : examples.get(type), arguments);
      }
      return "nothing";
    } catch (InvocationTargetException e) {
      return String.valueOf(e.getCause());
    } catch (ReflectiveOperationException e) {
      throw new LinkageError(call.toString(), e);
    }
  }

  @Test
  void aNullArgumentIsNamed() {
    try (TestEngine here = new TestEngine(4096);
        HttpMetadataServer server = HttpMetadataServer.start("127.0.0.1", 0)) {
      Map<Class<?>, Object> examples = examples(here);
      examples.put(HttpMetadataServer.class, server);
      examples.put(ServerSecurity.class, ServerSecurity.none());
      List<String> wrong = new ArrayList<>();
      int seen = 0;
      for (Class<?> type : API) {
        for (Executable call : calls(type)) {
          wrong.addAll(wrong(type, call, examples));
          seen++;
        }
      }
      LoggerFactory.getLogger(NullArgumentsTest.class).info("{} calls were looked at", seen);
      assertThat(wrong).as("%d calls", seen).isEmpty();
      assertThat(seen).isGreaterThan(100);
    }
  }
}
