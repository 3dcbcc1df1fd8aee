// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import io.transferengine.transfer.ChecksumMode;
import io.transferengine.transfer.ConfigurationException;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.TcpIo;
import io.transferengine.transfer.TlsMode;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Checks between options: values that contradict each other. */
final class CrossChecks {
  /** The rules of {@link #check}, for the configuration page. */
  static final List<String> RULES =
      List.of(
          "`MC_MIN_RPC_PORT` is at most `MC_MAX_RPC_PORT`.",
          "`TE_RPC_PORT` and `TE_DATA_PORT` differ, unless they are 0.",
          "`MC_FORCE_TCP` and `TE_REQUIRE_RDMA` are not both set.",
          "`TE_CHECKSUM` is not `require_crc32c` while `TE_REQUIRE_RDMA` is set.",
          "`TE_LOCAL` is not `required` while `MC_FORCE_TCP`, `TE_CHECKSUM`, `TE_TLS` or"
              + " `TE_TOKEN_FILE` is set.",
          "`MC_TCP_PROTO` is not 1 while `TE_TLS` is `required`.",
          "`TE_TCP_ZERO_COPY_BYTES` is 0 unless `TE_TCP_IO` is `io_uring`.",
          "`MC_SLICE_SIZE` is at most `MC_MAX_MR_SIZE`.",
          "`MC_ENABLE_DEST_DEVICE_AFFINITY` and `MC_ENABLE_HCA_PEER_AFFINITY` are not both set.");

  /** What is to be checked. */
  interface Values {
    /** {@return the value of an option} */
    <T> T get(Option<T> option);
  }

  private CrossChecks() {}

  static void check(Values settings) {
    checkPorts(settings);
    checkTls(settings);
    checkZeroCopy(settings);
    checkRdma(settings);
    checkLocal(settings);
  }

  private static void checkPorts(Values settings) {
    int min = settings.get(Options.MIN_RPC_PORT);
    int max = settings.get(Options.MAX_RPC_PORT);
    if (min > max) {
      throw new ConfigurationException(
          Options.MIN_RPC_PORT.environmentName(),
          Integer.toString(min),
          "at most " + Options.MAX_RPC_PORT + ", which is " + max);
    }
    int rpcPort = settings.get(Options.RPC_PORT);
    int dataPort = settings.get(Options.DATA_PORT);
    if (rpcPort != 0 && rpcPort == dataPort) {
      throw new ConfigurationException(
          Options.RPC_PORT.environmentName(),
          Integer.toString(rpcPort),
          "another port than " + Options.DATA_PORT + ", which is " + dataPort + " too");
    }
  }

  /**
   * A write of version 1 ends its connection's direction behind the body. A target that still
   * checks a signature of the TLS handshake then takes the connection for one that was given up;
   * the write looks confirmed all the same. Nobody needs the two together: only C++ peers want
   * version 1, and they have no TLS.
   */
  private static void checkTls(Values settings) {
    if (settings.get(TlsOptions.MODE) == TlsMode.REQUIRED && settings.get(Options.TCP_PROTO) == 1) {
      throw new ConfigurationException(
          Options.TCP_PROTO.environmentName(),
          "1",
          "2 while "
              + TlsOptions.MODE
              + " is required, since all peers with TLS speak version 2; peers without are asked"
              + " for their version");
    }
  }

  private static void checkZeroCopy(Values settings) {
    int bytes = settings.get(Options.TCP_ZERO_COPY);
    TcpIo io = settings.get(Options.TCP_IO);
    if (bytes != 0 && io != TcpIo.IO_URING) {
      throw new ConfigurationException(
          Options.TCP_ZERO_COPY.environmentName(),
          Integer.toString(bytes),
          "0 while "
              + Options.TCP_IO
              + " is "
              + io.name().toLowerCase(Locale.ROOT)
              + ", for only io_uring can do that; or set that to io_uring");
    }
  }

  private static void checkLocal(Values settings) {
    Optional<Option<?>> other = withoutLocalCopies(settings);
    if (settings.get(Options.LOCAL) == LocalMode.REQUIRED && other.isPresent()) {
      throw new ConfigurationException(
          Options.LOCAL.environmentName(),
          "required",
          "auto or off while "
              + other.get()
              + " is set, which no copy on one machine has; or unset that");
    }
  }

  /** {@return an option that is set, and that copies on one machine cannot comply with} */
  private static Optional<Option<?>> withoutLocalCopies(Values settings) {
    if (settings.get(Options.FORCE_TCP)) {
      return Optional.of(Options.FORCE_TCP);
    }
    if (settings.get(Options.CHECKSUM) != ChecksumMode.OFF) {
      return Optional.of(Options.CHECKSUM);
    }
    if (settings.get(TlsOptions.MODE) != TlsMode.OFF) {
      return Optional.of(TlsOptions.MODE);
    }
    return settings.get(TlsOptions.TOKEN_FILE).isEmpty()
        ? Optional.empty()
        : Optional.of(TlsOptions.TOKEN_FILE);
  }

  private static void checkRdma(Values settings) {
    if (settings.get(Options.FORCE_TCP) && settings.get(Options.REQUIRE_RDMA)) {
      throw new ConfigurationException(
          Options.REQUIRE_RDMA.environmentName(),
          "true",
          "false while " + Options.FORCE_TCP + " is set; or unset that one");
    }
    if (settings.get(Options.CHECKSUM) == ChecksumMode.REQUIRE_CRC32C
        && settings.get(Options.REQUIRE_RDMA)) {
      throw new ConfigurationException(
          Options.CHECKSUM.environmentName(),
          "require_crc32c",
          "crc32c or off while "
              + Options.REQUIRE_RDMA
              + " is set, since RDMA has no checksums of ours; or unset that one");
    }
    int slice = settings.get(RdmaOptions.SLICE_SIZE);
    long region = settings.get(RdmaOptions.MAX_MR_SIZE);
    if (slice > region) {
      throw new ConfigurationException(
          RdmaOptions.SLICE_SIZE.environmentName(),
          Integer.toString(slice),
          "at most " + RdmaOptions.MAX_MR_SIZE + ", which is " + region);
    }
    if (settings.get(RdmaOptions.ENABLE_DEST_DEVICE_AFFINITY)
        && settings.get(RdmaOptions.ENABLE_HCA_PEER_AFFINITY)) {
      throw new ConfigurationException(
          RdmaOptions.ENABLE_HCA_PEER_AFFINITY.environmentName(),
          "true",
          "false while " + RdmaOptions.ENABLE_DEST_DEVICE_AFFINITY + " is set; or unset that one");
    }
  }
}
