// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.transferengine.transfer.ConfigurationException;
import java.io.BufferedReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

@Timeout(60)
final class SettingsTest {
  private final Logger logger = (Logger) LoggerFactory.getLogger(Settings.class);
  private final ListAppender<ILoggingEvent> logged = new ListAppender<>();

  @BeforeEach
  void captureLog() {
    logged.start();
    logger.addAppender(logged);
  }

  @AfterEach
  void releaseLog() {
    logger.detachAppender(logged);
  }

  @Test
  void malformedTimeoutIsAnErrorThatNamesVariableTextAndForm() {
    assertThatThrownBy(() -> Settings.fromMap(Map.of("MC_TRANSFER_TIMEOUT", "abc")))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageStartingWith(
            "MC_TRANSFER_TIMEOUT is \"abc\"; expected a whole number of seconds, 5 to ");
  }

  @ParameterizedTest
  @CsvSource({"4", "0", "-1", "-2147483648"})
  void aTimeoutBelowFiveIsFiveWithOneWarning(String text) {
    Settings settings = Settings.fromMap(Map.of("MC_TRANSFER_TIMEOUT", text));

    assertThat(settings.get(Options.TRANSFER_TIMEOUT)).isEqualTo(5);
    assertWarnedOnce(settings, "MC_TRANSFER_TIMEOUT", text + " s");
  }

  @Test
  void aTimeoutBelowFiveInTheBuilderIsFiveToo() {
    Settings settings = Settings.builder().set(Options.TRANSFER_TIMEOUT, 3).build();

    assertThat(settings.get(Options.TRANSFER_TIMEOUT)).isEqualTo(5);
    assertWarnedOnce(settings, "MC_TRANSFER_TIMEOUT", "3 s");
  }

  @Test
  void ordinarySettingsDoNotWarn() {
    Settings settings =
        Settings.fromMap(
            Map.of(
                "MC_TRANSFER_TIMEOUT", "5", "MC_FORCE_TCP", "0", "MC_UNKNOWN", "x", "PATH", "/"));

    assertThat(settings.warnings()).isEmpty();
    assertThat(logged.list).isEmpty();
  }

  @Test
  void everyVariableWithoutEffectWarnsOnceByName() {
    for (InertVariable variable : Options.withoutEffect()) {
      logged.list.clear();
      Settings settings = Settings.fromMap(Map.of(variable.name(), "secret"));

      assertWarnedOnce(settings, variable.name(), variable.reason());
      assertThat(settings.warnings().getFirst()).doesNotContain("secret");
      assertThat(settings).hasToString("Settings[all defaults]");
    }
  }

  @Test
  void theCurrentNameWinsOverItsAlias() {
    assertThat(
            Settings.fromMap(Map.of("MC_MIN_RPC_PORT", "15001", "MC_MIN_PRC_PORT", "15002"))
                .get(Options.MIN_RPC_PORT))
        .isEqualTo(15_001);
    assertThat(
            Settings.fromMap(Map.of("MC_MIN_RPC_PORT", "", "MC_MIN_PRC_PORT", "15002"))
                .get(Options.MIN_RPC_PORT))
        .isEqualTo(15_002);
  }

  @Test
  void aRangeUpsideDownIsAnErrorThatNamesBothValues() {
    assertThatThrownBy(
            () -> Settings.fromMap(Map.of("MC_MIN_RPC_PORT", "20000", "MC_MAX_RPC_PORT", "19999")))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll("MC_MIN_RPC_PORT", "20000", "MC_MAX_RPC_PORT", "19999");
    assertThatThrownBy(() -> Settings.fromMap(Map.of("MC_MIN_RPC_PORT", "18000")))
        .as("against the default of the other")
        .hasMessageContainingAll("MC_MIN_RPC_PORT", "18000", "MC_MAX_RPC_PORT", "17000");
    assertThat(
            Settings.fromMap(Map.of("MC_MIN_RPC_PORT", "20000", "MC_MAX_RPC_PORT", "20000"))
                .get(Options.MAX_RPC_PORT))
        .isEqualTo(20_000);
  }

  @Test
  void oneFixedPortForTwoListenersIsAnError() {
    assertThatThrownBy(
            () -> Settings.fromMap(Map.of("TE_RPC_PORT", "16000", "TE_DATA_PORT", "16000")))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll("TE_RPC_PORT", "16000", "TE_DATA_PORT");
    assertThat(
            Settings.fromMap(Map.of("TE_RPC_PORT", "16000", "TE_DATA_PORT", "16001"))
                .get(Options.DATA_PORT))
        .isEqualTo(16_001);
  }

  @Test
  void theBuilderWinsOverTheEnvironmentItStartsFrom() {
    Settings settings =
        Settings.builderFromMap(Map.of("MC_HANDSHAKE_PORT", "1000", "MC_TCP_LANES_PER_PEER", "2"))
            .set(Options.HANDSHAKE_PORT, 2000)
            .build();

    assertThat(settings.get(Options.HANDSHAKE_PORT)).isEqualTo(2000);
    assertThat(settings.get(Options.TCP_LANES_PER_PEER)).isEqualTo(2);
  }

  @Test
  void thePlainBuilderIgnoresTheEnvironment() {
    Settings settings = Settings.builder().build();

    for (Option<?> option : Options.all()) {
      assertThat((Object) settings.get(option)).isEqualTo(option.defaultValue());
    }
  }

  @Test
  void thisProcessesEnvironmentIsRead() throws Exception {
    assertThat(run(Map.of("MC_HANDSHAKE_PORT", "2000", "MC_USE_IPV6", "", "TE_TCP_IO", "")))
        .isEqualTo("Settings[MC_HANDSHAKE_PORT=2000, MC_USE_IPV6=true]");
    assertThat(run(Map.of("MC_HANDSHAKE_PORT", "70000")))
        .startsWith("MC_HANDSHAKE_PORT is \"70000\"; expected a whole number, 1 to 65535");
  }

  @Test
  void aCopyStartsFromTheSameValuesAndDoesNotChangeTheOriginal() {
    Settings original = Settings.builder().set(Options.HANDSHAKE_PORT, 2000).build();
    Settings copy = original.toBuilder().set(Options.HANDSHAKE_PORT, 3000).build();

    assertThat(original.get(Options.HANDSHAKE_PORT)).isEqualTo(2000);
    assertThat(copy.get(Options.HANDSHAKE_PORT)).isEqualTo(3000);
  }

  @Test
  void aBuilderThatGoesOnDoesNotChangeWhatItBuilt() {
    Settings.Builder builder = Settings.builder().set(Options.HANDSHAKE_PORT, 2000);
    Settings built = builder.build();
    builder.set(Options.HANDSHAKE_PORT, 3000);

    assertThat(built.get(Options.HANDSHAKE_PORT)).isEqualTo(2000);
  }

  @Test
  void textShowsWhatDiffersFromTheDefault() {
    assertThat(
            Settings.fromMap(
                Map.of(
                    "MC_USE_IPV6", "",
                    "MC_HANDSHAKE_PORT", "12001",
                    "MC_TCP_LANES_PER_PEER", "8",
                    "TE_TCP_IO", "io_uring")))
        .hasToString("Settings[MC_USE_IPV6=true, MC_TCP_LANES_PER_PEER=8, TE_TCP_IO=io_uring]");
  }

  /** What {@link Child} prints with exactly this environment. */
  private static String run(Map<String, String> environment) throws Exception {
    ProcessBuilder child =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-cp",
            System.getProperty("java.class.path"),
            Child.class.getName());
    child.environment().clear();
    child.environment().putAll(environment);
    Process process = child.redirectError(ProcessBuilder.Redirect.DISCARD).start();
    try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
      return out.readAllAsString().strip();
    } finally {
      process.destroyForcibly();
    }
  }

  /** Writes of version 1 could be lost without anybody noticing, see CrossChecks. */
  @Test
  void tlsAndVersion1Contradict() {
    assertThatThrownBy(() -> Settings.fromMap(Map.of("TE_TLS", "required", "MC_TCP_PROTO", "1")))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll("MC_TCP_PROTO", "TE_TLS");
    assertThat(Settings.fromMap(Map.of("TE_TLS", "off", "MC_TCP_PROTO", "1"))).isNotNull();
  }

  @ParameterizedTest
  @ValueSource(strings = {"auto", "epoll", "nio"})
  void onlyIoUringSendsWithoutCopies(String io) {
    assertThatThrownBy(
            () -> Settings.fromMap(Map.of("TE_TCP_IO", io, "TE_TCP_ZERO_COPY_BYTES", "16384")))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll("TE_TCP_ZERO_COPY_BYTES", "16384", "TE_TCP_IO", io, "io_uring");
    for (String bytes : List.of("1", "16384", "1073741824")) {
      Settings settings =
          Settings.fromMap(Map.of("TE_TCP_IO", "io_uring", "TE_TCP_ZERO_COPY_BYTES", bytes));
      assertThat(settings.get(Options.TCP_ZERO_COPY)).isEqualTo(Integer.parseInt(bytes));
    }
  }

  /** Prints the settings of its environment, or why there are none. */
  static final class Child {
    private Child() {}

    public static void main(String[] arguments) {
      try {
        System.out.println(Settings.fromEnvironment());
      } catch (ConfigurationException e) {
        System.out.println(e.getMessage());
      }
    }
  }

  private void assertWarnedOnce(Settings settings, String... parts) {
    assertThat(settings.warnings())
        .singleElement()
        .satisfies(text -> assertThat(text).contains(parts));
    assertThat(logged.list)
        .extracting(ILoggingEvent::getLevel, ILoggingEvent::getFormattedMessage)
        .isEqualTo(List.of(tuple(Level.WARN, settings.warnings().getFirst())));
  }
}
