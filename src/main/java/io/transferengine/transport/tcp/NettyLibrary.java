// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Whether Netty is here, and new enough. Names its classes as text only, so that nothing is loaded
 * which might be missing.
 */
final class NettyLibrary {
  private static final String NEEDED = "4.2";

  /** A class that only the Netty that we need has. */
  private static final String NEWEST = "io.netty.channel.MultiThreadIoEventLoopGroup";

  private record Part(String artifact, String className) {}

  private static final List<Part> PARTS =
      List.of(
          new Part("netty-common", "io.netty.util.concurrent.EventExecutor"),
          new Part("netty-buffer", "io.netty.buffer.ByteBuf"),
          new Part("netty-resolver", "io.netty.resolver.AddressResolverGroup"),
          new Part("netty-transport", "io.netty.channel.Channel"));

  /** What only TLS needs. */
  private static final List<Part> PARTS_OF_TLS =
      List.of(
          new Part("netty-codec-base", "io.netty.handler.codec.DecoderException"),
          new Part("netty-handler", "io.netty.handler.ssl.SslHandler"));

  private NettyLibrary() {}

  /**
   * {@return why TCP cannot be had, with the remedy; empty when it can}
   *
   * @param tls whether there has to be TLS
   */
  static Optional<String> problem(boolean tls) {
    List<String> missing =
        Stream.concat(PARTS.stream(), tls ? PARTS_OF_TLS.stream() : Stream.empty())
            .filter(part -> !has(part.className))
            .map(part -> "io.netty:" + part.artifact)
            .toList();
    if (!missing.isEmpty()) {
      return Optional.of(
          "it needs Netty "
              + NEEDED
              + ", and of that is not on the class path: "
              + String.join(", ", missing)
              + " (add it to the build's dependencies)");
    }
    if (!has(NEWEST)) {
      return Optional.of(
          "it needs Netty "
              + NEEDED
              + ", and on the class path is "
              + version()
              + " (something in the build asks for that version: let it ask for "
              + NEEDED
              + ", with Spring Boot by the property netty.version, else by importing"
              + " io.netty:netty-bom before other lists of versions)");
    }
    return Optional.empty();
  }

  /** {@return whether a class of Netty is here} */
  static boolean has(String className) {
    try {
      var _ = Class.forName(className, false, NettyLibrary.class.getClassLoader());
      return true;
    } catch (ClassNotFoundException | LinkageError e) {
      return false;
    }
  }

  /** {@return what to throw when linking to Netty failed although it seemed to fit} */
  static TransferException doesNotFit(LinkageError failure) {
    Throwable root = failure;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return new TransferException(
        ErrorCode.NOT_IMPLEMENTED,
        "TCP cannot start with Netty " + version() + ": " + root,
        "It needs Netty " + NEEDED + ", all parts of one version; see also the cause",
        failure);
  }

  private static String version() {
    try {
      Class<?> channel =
          Class.forName("io.netty.channel.Channel", false, NettyLibrary.class.getClassLoader());
      String version = channel.getPackage().getImplementationVersion();
      return version == null ? "an unknown version" : version;
    } catch (ClassNotFoundException | LinkageError e) {
      return "an unknown version";
    }
  }
}
