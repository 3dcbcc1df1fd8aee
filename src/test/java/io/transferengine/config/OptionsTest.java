// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.transfer.ChecksumMode;
import io.transferengine.transfer.ConfigurationException;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.TcpIo;
import io.transferengine.transfer.TlsMode;
import io.transferengine.transfer.TlsProvider;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every option, one row each: its default, texts that are accepted and texts that are not. */
final class OptionsTest {
  static final List<String> NOT_NUMBERS =
      List.of("abc", "1.5", " 7", "7 ", "+7", "0x10", "5s", "٣", "99999999999999999999", "--1");
  private static final List<String> NOT_FLAGS = List.of("2", "maybe", " 1", "y", "truee", "-1");
  private static final List<String> NOT_HOSTS =
      List.of("a b", "http://h", "h:80", "[::1]", "h/x", "::1%", "h\n", "a".repeat(254));

  /** One row. {@code accepted} maps texts to values; {@code absent} is the default. */
  record Row(Option<?> option, Object absent, Map<String, ?> accepted, List<String> refused) {
    @Override
    public String toString() {
      return option.environmentName();
    }
  }

  static Stream<Row> rows() {
    return Stream.of(rowsOfMooncake(), RdmaOptionRows.rows(), rowsOfOurOwn()).flatMap(rows -> rows);
  }

  private static Stream<Row> rowsOfMooncake() {
    return Stream.of(
        texts(Options.METADATA_SERVER, "P2PHANDSHAKE", "etcd://a:2379;b:2379"),
        texts(Options.LOCAL_SERVER_NAME, "host", "[::1]:12345"),
        presence(Options.LEGACY_RPC_PORT_BINDING),
        number(Options.HANDSHAKE_PORT, 12_001, List.of(1, 65_535), List.of(0, 65_536, -1)),
        host(Options.TCP_BIND_ADDRESS),
        rangePort(Options.MIN_RPC_PORT, 15_000, 1024, 16_999),
        rangePort(Options.MAX_RPC_PORT, 17_000, 15_001, 32_767, 61_000, 65_535),
        presence(Options.USE_IPV6),
        number(Options.HANDSHAKE_LISTEN_BACKLOG, 128, List.of(1, 65_535), List.of(0, 65_536)),
        number(Options.HANDSHAKE_CONNECT_TIMEOUT, 5, List.of(1, 3599), List.of(0, 3600, -1)),
        number(
            Options.HANDSHAKE_MAX_LENGTH,
            16 << 20,
            List.of(1 << 20, 128 << 20),
            List.of((1 << 20) - 1, (128 << 20) + 1, 0)),
        presence(Options.DISABLE_METACACHE),
        number(Options.METADATA_REFRESH_INTERVAL, 0, List.of(1, 86_400), List.of(-1)),
        number(Options.TRANSFER_TIMEOUT, 30, List.of(5, 6, Integer.MAX_VALUE), List.of()),
        number(Options.SLICE_TIMEOUT, -1, List.of(1, 60), List.of(0, -2)),
        presence(Options.FORCE_TCP),
        texts(Options.CUSTOM_TOPO_JSON, "/etc/topo.json", "with space.json"),
        flag(Options.METRIC, false),
        number(Options.SLOW_TRANSFER, 0, List.of(1, 60_000), List.of(-1)),
        number(Options.METRIC_INTERVAL, 5, List.of(1, 3600), List.of(0, -1)),
        flag(Options.TCP_ENABLE_CONNECTION_POOL, true),
        number(Options.TCP_LANES_PER_PEER, 4, List.of(1, 16), List.of(0, 17)),
        number(
            Options.TCP_MAX_QUEUED_TRANSFERS_PER_PEER,
            1024,
            List.of(1, 1 << 20),
            List.of(0, (1 << 20) + 1)),
        number(
            Options.TCP_MAX_PENDING_ADMISSIONS_PER_PEER,
            1024,
            List.of(1, 1 << 20),
            List.of(0, (1 << 20) + 1)),
        number(
            Options.TCP_SLICE_SIZE, 65_536, List.of(4096, 16 << 20), List.of(4095, (16 << 20) + 1)),
        number(Options.TCP_PROTO, 2, List.of(1, 2), List.of(0, 3)),
        number(Options.TCP_STATUS_TIMEOUT, 30, List.of(1, 600), List.of(0, -1)),
        number(
            Options.TCP_IO_THREADS,
            Math.clamp(Runtime.getRuntime().availableProcessors(), 2, 8),
            List.of(1, 64),
            List.of(0, 65)));
  }

  private static Stream<Row> rowsOfOurOwn() {
    return Stream.of(
        host(Options.LISTEN_ADDRESS),
        host(Options.ADVERTISED_HOST),
        host(Options.ADVERTISED_DATA_HOST),
        number(Options.RPC_PORT, 0, List.of(0, 1, 65_535), List.of(-1, 65_536)),
        number(Options.DATA_PORT, 0, List.of(0, 1, 65_535), List.of(-1, 65_536)),
        new Row(
            Options.TCP_IO,
            TcpIo.AUTO,
            Map.of(
                "auto", TcpIo.AUTO,
                "epoll", TcpIo.EPOLL,
                "io_uring", TcpIo.IO_URING,
                "NIO", TcpIo.NIO),
            List.of("kqueue", "iouring", " nio", "0")),
        // More only with io_uring, see SettingsTest.
        number(Options.TCP_ZERO_COPY, 0, List.of(0), List.of(-1, (1 << 30) + 1)),
        number(Options.BUSY_POLL, -1, List.of(-1, 0, 50, 10_000), List.of(-2, 10_001)),
        new Row(
            Options.CHECKSUM,
            ChecksumMode.OFF,
            Map.of(
                "off", ChecksumMode.OFF,
                "crc32c", ChecksumMode.CRC32C,
                "require_crc32c", ChecksumMode.REQUIRE_CRC32C),
            List.of("crc32", "crc-32c", "on", "1")),
        number(
            Options.TCP_LANE_WINDOW,
            1 << 20,
            List.of(65_536, 1 << 28),
            List.of(65_535, (1 << 28) + 1)),
        new Row(
            Options.MANAGED_MEMORY_LIMIT,
            16L << 30,
            Map.of("8192", 8192L, "17179869184", 16L << 30, "140737488355328", 1L << 47),
            plus(NOT_NUMBERS, "8191", "0", "-1", "140737488355329", "16GiB")),
        flag(Options.HUGE_PAGES, false),
        flag(Options.REQUIRE_RDMA, false),
        new Row(
            Options.LOCAL,
            LocalMode.AUTO,
            Map.of("off", LocalMode.OFF, "auto", LocalMode.AUTO, "required", LocalMode.REQUIRED),
            List.of("on", "1", "require")),
        number(Options.INBOUND_STALL, 30, List.of(1, 600), List.of(0, -1)),
        number(
            Options.MAX_INBOUND_CONNECTIONS, 4096, List.of(1, 1 << 20), List.of(0, (1 << 20) + 1)),
        number(
            LimitOptions.CONNECTIONS_PER_ADDRESS,
            0,
            List.of(1, 1 << 20),
            List.of(-1, (1 << 20) + 1)),
        number(LimitOptions.INBOUND_SILENCE, 60, List.of(1, 600), List.of(0, -1)),
        new Row(
            LimitOptions.STAGING,
            16L << 20,
            Map.of("16777216", 16L << 20, "1073741824", 1L << 30),
            plus(NOT_NUMBERS, "16777215", "0", "-1", "1073741825", "16MiB")),
        new Row(
            LimitOptions.DEVICE_STAGING,
            32L << 20,
            Map.of("8388608", 8L << 20, "1073741824", 1L << 30),
            plus(NOT_NUMBERS, "8388607", "0", "-1", "1073741825", "32MiB")),
        bytes(LimitOptions.NOTIFICATIONS, 8L << 20, 64L << 20),
        bytes(LimitOptions.NOTIFICATIONS_PER_PEER, 4L << 20, 32L << 20),
        number(LimitOptions.HANDSHAKES, 1024, List.of(1, 1 << 20), List.of(0, (1 << 20) + 1)),
        number(
            LimitOptions.HANDSHAKES_PER_ADDRESS,
            0,
            List.of(1, 1 << 20),
            List.of(-1, (1 << 20) + 1)),
        bytes(LimitOptions.HANDSHAKE_PAYLOADS, 16L << 20, 256L << 20),
        number(
            LimitOptions.RDMA_ENDPOINTS_PER_ADDRESS, 1024, List.of(1, 65_535), List.of(0, 65_536)),
        number(RdmaOptions.RDMA_TO_TCP_SECONDS, 5, List.of(0, 1, Integer.MAX_VALUE), List.of(-1)),
        texts(MetadataOptions.CLUSTER_ID, "a", "a/"),
        number(MetadataOptions.TTL, 10, List.of(2, 86_400), List.of(1, 0, -1, 86_401)),
        flag(MetadataOptions.BACKGROUND_START, false),
        texts(MetadataOptions.REDIS_USERNAME, "u"),
        texts(MetadataOptions.REDIS_PASSWORD, "p w"),
        number(MetadataOptions.REDIS_DB_INDEX, 0, List.of(0, 255), List.of(-1, 256)),
        texts(MetadataOptions.ETCD_USERNAME, "u"),
        texts(MetadataOptions.ETCD_PASSWORD, "p w"),
        flag(MetadataOptions.ETCD_TLS, false),
        texts(MetadataOptions.TLS_CA, "/etc/ca.pem"),
        texts(MetadataOptions.TLS_CERTIFICATE, "/etc/cert.pem"),
        texts(MetadataOptions.TLS_KEY, "/etc/key.pem"),
        texts(MetadataOptions.TOKEN_FILE, "/etc/token"),
        new Row(
            TlsOptions.MODE,
            TlsMode.OFF,
            Map.of("off", TlsMode.OFF, "required", TlsMode.REQUIRED, "OFF", TlsMode.OFF),
            List.of("on", "true", "1", " off", "mutual")),
        texts(TlsOptions.CERTIFICATE, "/etc/cert.pem"),
        texts(TlsOptions.KEY, "/etc/key.pem"),
        texts(TlsOptions.CA, "/etc/ca.pem"),
        texts(TlsOptions.ALLOW, "*.example,10.0.0.1"),
        texts(TlsOptions.TOKEN_FILE, "/etc/token"),
        texts(TlsOptions.PLAIN_PEERS, "10.0.0.0/8,::1"),
        new Row(
            TlsOptions.PROVIDER,
            TlsProvider.AUTO,
            Map.of("auto", TlsProvider.AUTO, "BORINGSSL", TlsProvider.BORINGSSL),
            List.of("openssl", "1", " jdk")),
        number(ExpositionOptions.PORT, -1, List.of(0, 65_535), List.of(-2, 65_536)),
        new Row(
            ExpositionOptions.ADDRESS,
            "127.0.0.1",
            Map.of("0.0.0.0", "0.0.0.0", "::1", "::1", "host.example", "host.example"),
            List.of("127.0.0.1:9090", "[::1]", "a b")),
        texts(ExpositionOptions.COUNTERS, "/run/te"));
  }

  @Test
  void theTableHasEveryOption() {
    assertThat(rows().map(Row::option).sorted(Comparator.comparing(Option::group)))
        .containsExactlyElementsOf(Options.all());
  }

  @ParameterizedTest
  @MethodSource("rows")
  void absentGivesTheDefault(Row row) {
    assertThat((Object) Settings.fromMap(Map.of()).get(row.option())).isEqualTo(row.absent());
    assertThat((Object) row.option().defaultValue()).isEqualTo(row.absent());
  }

  @ParameterizedTest
  @MethodSource("rows")
  void acceptedTextsGiveTheirValue(Row row) {
    for (String name : names(row.option())) {
      row.accepted()
          .forEach(
              (text, value) ->
                  assertThat((Object) Settings.fromMap(Map.of(name, text)).get(row.option()))
                      .as("%s=%s", name, text)
                      .isEqualTo(value));
    }
  }

  @ParameterizedTest
  @MethodSource("rows")
  void otherTextsAreErrorsThatNameVariableTextAndForm(Row row) {
    for (String name : names(row.option())) {
      for (String text : row.refused()) {
        assertThatThrownBy(() -> Settings.fromMap(Map.of(name, text)))
            .as("%s=%s", name, text)
            .isInstanceOfSatisfying(
                ConfigurationException.class,
                e -> {
                  assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT);
                  assertThat(e.variable()).isEqualTo(name);
                  assertThat(e.found()).isEqualTo(name.endsWith("_PASSWORD") ? "***" : text);
                  assertThat(e.expected()).isEqualTo(row.option().acceptedForm());
                  assertThat(e.getMessage())
                      .contains(name, row.option().acceptedForm(), "to use the default");
                });
      }
    }
  }

  @ParameterizedTest
  @MethodSource("rows")
  void emptyIsAbsentUnlessPresenceCounts(Row row) {
    Object value = Settings.fromMap(Map.of(row.option().environmentName(), "")).get(row.option());
    assertThat(value).isEqualTo(row.option().isPresenceOnly() ? true : row.absent());
  }

  @ParameterizedTest
  @MethodSource("rows")
  void theBuilderTakesWhatTheEnvironmentTakes(Row row) {
    for (Object value : row.accepted().values()) {
      assertThat((Object) set(Settings.builder(), row.option(), value).build().get(row.option()))
          .isEqualTo(value);
    }
  }

  @ParameterizedTest
  @MethodSource("rows")
  void itIsDescribedForReaders(Row row) {
    Option<?> option = row.option();
    assertThat(option.description()).endsWith(".").doesNotContain("\n");
    assertThat(option.acceptedForm()).isNotEmpty().doesNotEndWith(".");
    assertThat(option.builderName()).matches("[a-z][A-Za-z0-9]*");
    assertThat(option.environmentName()).matches("(MC|TE)_[A-Z0-9_]+");
    if (option.group() != OptionGroup.METADATA) {
      assertThat(option.environmentName().startsWith("TE_"))
          .isEqualTo(option.group() == OptionGroup.OWN || option.group() == OptionGroup.TLS);
    }
    if (option.unit().equals("seconds")) {
      assertThat(option.builderName()).endsWith("Seconds");
    }
    if (option.unit().equals("bytes")) {
      assertThat(option.builderName()).endsWith("Bytes");
    }
  }

  @Test
  void noNameIsUsedTwice() {
    Set<String> variables = new HashSet<>();
    Set<String> builderNames = new HashSet<>();
    for (Option<?> option : Options.all()) {
      assertThat(builderNames.add(option.builderName())).as(option.builderName()).isTrue();
      names(option).forEach(name -> assertThat(variables.add(name)).as(name).isTrue());
    }
    Options.withoutEffect()
        .forEach(
            variable -> assertThat(variables.add(variable.name())).as(variable.name()).isTrue());
  }

  @Test
  void passwordsAreNotShown() {
    Settings settings =
        Settings.fromMap(Map.of("MC_REDIS_PASSWORD", "secret", "TE_ETCD_PASSWORD", "secret"));
    assertThat(settings.toString())
        .contains("MC_REDIS_PASSWORD=***", "TE_ETCD_PASSWORD=***")
        .doesNotContain("secret");
  }

  @Test
  void theBuilderRefusesWhatIsOutOfRangeByItsOwnName() {
    assertThatThrownBy(() -> Settings.builder().set(Options.HANDSHAKE_PORT, 70_000))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll("handshakePort", "MC_HANDSHAKE_PORT", "70000", "1 to 65535");
    assertThatThrownBy(() -> Settings.builder().set(Options.LISTEN_ADDRESS, "a b"))
        .isInstanceOf(ConfigurationException.class);
    assertThatThrownBy(() -> Settings.builder().set(Options.MANAGED_MEMORY_LIMIT, 0L))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll("managedMemoryLimitBytes", "8192 (8 KiB)");
  }

  private static Row texts(Option<String> option, String... accepted) {
    Map<String, String> values = Stream.of(accepted).collect(Collectors.toMap(t -> t, t -> t));
    return new Row(option, "", values, List.of("a\nb", "a\u0000", "a".repeat(4097)));
  }

  /** A limit that takes an eighth, or less, of the heap when nothing is set. */
  private static Row bytes(Option<Long> option, long min, long max) {
    assertThat(option.defaultValue()).isBetween(min, max);
    return new Row(
        option,
        option.defaultValue(),
        Map.of("2097152", 2L << 20, "17179869184", 16L << 30),
        plus(NOT_NUMBERS, "0", "-1", "1048575", "17179869185", "16GiB"));
  }

  static Row host(Option<String> option) {
    return new Row(
        option,
        "",
        Map.of(
            "10.0.0.1", "10.0.0.1",
            "node-1.example_a", "node-1.example_a",
            "::1", "::1",
            "fe80::1%eth0", "fe80::1%eth0",
            "::ffff:10.0.0.1", "::ffff:10.0.0.1"),
        NOT_HOSTS);
  }

  static Row presence(Option<Boolean> option) {
    return new Row(
        option, false, Map.of("1", true, "0", true, "false", true, "", true, " ", true), List.of());
  }

  static Row flag(Option<Boolean> option, boolean absent) {
    return new Row(
        option,
        absent,
        Map.of(
            "1", true, "true", true, "YES", true, "On", true, "0", false, "FALSE", false, "no",
            false, "off", false),
        NOT_FLAGS);
  }

  static Row number(
      Option<Integer> option, int absent, List<Integer> accepted, List<Integer> refused) {
    Map<String, Integer> values =
        accepted.stream().collect(Collectors.toMap(n -> Integer.toString(n), n -> n));
    List<String> outside = refused.stream().map(n -> Integer.toString(n)).toList();
    return new Row(
        option,
        absent,
        values,
        plus(plus(NOT_NUMBERS, "2147483648", "-2147483649"), outside.toArray(String[]::new)));
  }

  private static Row rangePort(Option<Integer> option, int absent, Integer... accepted) {
    return number(option, absent, List.of(accepted), List.of(0, 1023, 32_768, 60_999, 65_536, -1));
  }

  static List<String> plus(List<String> list, String... more) {
    List<String> all = new ArrayList<>(list);
    all.addAll(List.of(more));
    return all;
  }

  private static List<String> names(Option<?> option) {
    return plus(option.aliases(), option.environmentName());
  }

  @SuppressWarnings("unchecked") // The table gives each option values of its own type.
  private static <T> Settings.Builder set(Settings.Builder to, Option<T> option, Object value) {
    return to.set(option, (T) value);
  }
}
