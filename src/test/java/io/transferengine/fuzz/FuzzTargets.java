// SPDX-License-Identifier: Apache-2.0
package io.transferengine.fuzz;

import io.transferengine.PortsFuzz;
import io.transferengine.cli.bench.TraceFuzz;
import io.transferengine.config.OptionsFuzz;
import io.transferengine.exposition.CountersFuzz;
import io.transferengine.handshake.FrameFuzz;
import io.transferengine.handshake.HandshakeAnswersFuzz;
import io.transferengine.handshake.TokenLinkFuzz;
import io.transferengine.metadata.http.HttpAnswersFuzz;
import io.transferengine.metadata.server.HttpServerFuzz;
import io.transferengine.tls.TlsFilesFuzz;
import io.transferengine.topology.TopologyFuzz;
import io.transferengine.transport.tcp.AnswersFuzz;
import io.transferengine.transport.tcp.TargetFuzz;
import io.transferengine.transport.tcp.TokenGateFuzz;
import io.transferengine.wire.MessageFuzz;
import io.transferengine.wire.SegmentFuzz;
import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** The targets by their names. */
public final class FuzzTargets {
  private static final Map<String, Supplier<FuzzTarget>> ALL =
      new TreeMap<>(
          Map.ofEntries(
              Map.entry("answers", AnswersFuzz::new),
              Map.entry("counters", CountersFuzz::new),
              Map.entry("frame", FrameFuzz::new),
              Map.entry("handshake-answers", HandshakeAnswersFuzz::new),
              Map.entry("http-answers", HttpAnswersFuzz::new),
              Map.entry("http-server", HttpServerFuzz::new),
              Map.entry("message", MessageFuzz::new),
              Map.entry("options", OptionsFuzz::new),
              Map.entry("ports", PortsFuzz::new),
              Map.entry("segment", SegmentFuzz::new),
              Map.entry("target", TargetFuzz::new),
              Map.entry("tls-files", TlsFilesFuzz::new),
              Map.entry("token-data", TokenGateFuzz::new),
              Map.entry("token-rpc", TokenLinkFuzz::new),
              Map.entry("topology", TopologyFuzz::new),
              Map.entry("trace", TraceFuzz::new)));

  private FuzzTargets() {}

  /** {@return their names in order} */
  static Set<String> names() {
    return ALL.keySet();
  }

  /** {@return a target by its name} */
  static FuzzTarget make(String name) {
    Supplier<FuzzTarget> maker = ALL.get(name);
    if (maker == null) {
      throw new IllegalArgumentException("no target is named " + name);
    }
    return maker.get();
  }

  /** {@return the folder of the inputs that are kept for a target, as the build has copied it} */
  static Path corpus(String name) {
    URL folder = FuzzTargets.class.getResource("/fuzz/" + name);
    if (folder == null) {
      throw new IllegalStateException("src/test/resources/fuzz/" + name + " is missing");
    }
    try {
      return Path.of(folder.toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /** {@return those inputs, by name} */
  static List<Path> inputs(String name) throws IOException {
    try (Stream<Path> files = Files.list(corpus(name))) {
      return files.sorted().toList();
    }
  }
}
