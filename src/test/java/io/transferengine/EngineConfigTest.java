// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.cli.bench.FreePorts;
import io.transferengine.config.Option;
import io.transferengine.config.Options;
import io.transferengine.config.RdmaOptions;
import io.transferengine.transfer.ConfigurationException;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TcpIo;
import io.transferengine.transfer.TransferException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every option can be set in the builder, has an effect there, and is checked there. */
class EngineConfigTest {
  private static final Set<String> OF_THE_BUILDER =
      Set.of("protocol", "deviceName", "executor", "accessPolicy", "sslContext", "build");

  private static final Map<Class<?>, Class<?>> PRIMITIVES =
      Map.of(Integer.class, int.class, Long.class, long.class, Boolean.class, boolean.class);

  static List<Option<?>> options() {
    return Options.all();
  }

  private static Method setter(Option<?> option) throws NoSuchMethodException {
    Class<?> type = option.defaultValue().getClass();
    return EngineConfig.Builder.class.getMethod(
        option.builderName(), PRIMITIVES.getOrDefault(type, type));
  }

  @ParameterizedTest
  @MethodSource("options")
  void everyOptionHasASetterThatSetsIt(Option<?> option) throws ReflectiveOperationException {
    EngineConfig.Builder builder = EngineConfig.builder("127.0.0.1");
    if (option.equals(Options.TCP_ZERO_COPY)) {
      builder.tcpIo(TcpIo.IO_URING); // which it takes
    }
    Object other = other(option);
    assertThat(setter(option).invoke(builder, other)).isSameAs(builder);
    assertThat(builder.build().options().settings().get(option)).isEqualTo(other);
  }

  private static Object other(Option<?> option) {
    return switch (option.defaultValue()) {
      case Boolean on -> !on;
      case Enum<?> value ->
          Arrays.stream(value.getDeclaringClass().getEnumConstants())
              .filter(constant -> constant != value)
              .findFirst()
              .orElseThrow();
      case String _ -> option.equals(RdmaOptions.NIC_PEER_AFFINITY) ? "a=b" : "10.1.2.3";
      case Integer number -> otherNumber(option, number);
      case Long number -> otherNumber(option, number);
      default -> throw new AssertionError("no other value for " + option);
    };
  }

  private static long otherNumber(Option<?> option, long number) {
    for (long candidate : new long[] {number / 2, number * 2}) {
      try {
        if (!option.parse("x", Long.toString(candidate)).equals(number)) {
          return candidate;
        }
      } catch (ConfigurationException e) {
        // The next one, then.
      }
    }
    throw new AssertionError("no other value for " + option);
  }

  /** The first of some candidates that the option takes and that is not its default. */
  private static int otherNumber(Option<?> option, int number) {
    for (int candidate : new int[] {number - 1, number + 1, number / 2, number * 2, 15_500}) {
      try {
        if (!option.parse("x", Integer.toString(candidate)).equals(number)) {
          return candidate;
        }
      } catch (ConfigurationException e) {
        // The next one, then.
      }
    }
    throw new AssertionError("no other value for " + option);
  }

  @ParameterizedTest
  @MethodSource("options")
  void aValueThatIsNotAcceptedIsRefusedByName(Option<?> option) throws NoSuchMethodException {
    if (!(option.defaultValue() instanceof Number) || option.equals(Options.TRANSFER_TIMEOUT)) {
      // Texts and flags take nearly all, and the time-out takes every number.
      assertThat(option.acceptedForm()).isNotEmpty();
      return;
    }
    Number absurd = -7;
    if (option.defaultValue() instanceof Long) {
      absurd = -7L;
    }
    Number refused = absurd;
    Method setter = setter(option);
    assertThatThrownBy(
            () -> {
              EngineConfig.Builder builder = EngineConfig.builder("127.0.0.1");
              setter.invoke(builder, refused);
              builder.build();
            })
        .satisfiesAnyOf(
            e -> assertThat(e).isInstanceOf(ConfigurationException.class),
            e -> assertThat(e).isInstanceOf(InvocationTargetException.class))
        .satisfies(
            e -> {
              Throwable cause = e instanceof InvocationTargetException ? e.getCause() : e;
              assertThat(cause)
                  .isInstanceOf(ConfigurationException.class)
                  .hasMessageContaining("-7");
            });
  }

  @Test
  void theBuilderHasNothingElse() {
    Set<String> methods =
        Arrays.stream(EngineConfig.Builder.class.getMethods())
            .filter(method -> method.getDeclaringClass() != Object.class)
            .map(Method::getName)
            .collect(Collectors.toCollection(TreeSet::new));
    Set<String> expected =
        Options.all().stream()
            .map(Option::builderName)
            .collect(Collectors.toCollection(TreeSet::new));
    expected.addAll(OF_THE_BUILDER);
    assertThat(methods).isEqualTo(expected);
  }

  @Test
  void requiredRdmaRefusesTcp() {
    for (String protocol : List.of("tcp", "rdma", "")) {
      EngineConfig config =
          EngineConfig.builder("127.0.0.1").protocol(protocol).requireRdma(true).build();
      assertThatThrownBy(() -> Engine.open(config).close())
          .isInstanceOf(TransferException.class)
          .hasMessageContaining("RDMA");
    }
  }

  @Test
  void fixedPortsAreTakenOrRefused() throws Exception {
    int rpcPort = FreePorts.next();
    int dataPort = FreePorts.next();
    EngineConfig config =
        EngineConfig.builder("127.0.0.1")
            .protocol("tcp")
            .rpcPort(rpcPort)
            .dataPort(dataPort)
            .build();
    try (Engine first = Engine.open(config)) {
      assertThat(first.rpcPort()).isEqualTo(rpcPort);
      assertThat(first.segmentName()).isEqualTo("127.0.0.1:" + rpcPort);
      assertThatThrownBy(() -> Engine.open(config).close())
          .isInstanceOfSatisfying(
              TransferException.class,
              e -> assertThat(e.code()).isIn(ErrorCode.SOCKET, ErrorCode.INVALID_ARGUMENT))
          .satisfies(
              e ->
                  assertThat(e.getMessage())
                      .containsAnyOf(Integer.toString(rpcPort), Integer.toString(dataPort)));
    }
    try (Engine again = Engine.open(config)) {
      assertThat(again.rpcPort()).as("freed by closing").isEqualTo(rpcPort);
    }
  }

  @Test
  void theManagedMemoryLimitHolds() {
    EngineConfig config =
        EngineConfig.builder("127.0.0.1").protocol("tcp").managedMemoryLimitBytes(1 << 20).build();
    try (Engine small = Engine.open(config)) {
      assertThat(small.allocate(1 << 19).length()).isEqualTo(1 << 19);
      assertThatThrownBy(() -> small.allocate(1 << 20))
          .isInstanceOf(TransferException.class)
          .hasMessageContaining("TE_MANAGED_MEMORY_LIMIT_BYTES");
    }
  }
}
