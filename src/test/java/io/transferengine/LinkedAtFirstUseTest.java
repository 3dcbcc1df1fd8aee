// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.function.IntSupplier;
import org.junit.jupiter.api.Test;

/**
 * What ends transfers and connections when nothing else does links nothing when it runs (ADR 40).
 */
class LinkedAtFirstUseTest {
  private static final Path CLASSES = Path.of("target/classes");

  @Test
  void looksAtConnectionsAndTheirEndsLinkNothing() {
    assertThat(
            new LinkedAtFirstUse(CLASSES, "io/transferengine/transport/tcp")
                .reachedFrom(
                    List.of(
                        "Lane.close",
                        "Lane.closed",
                        "Lane.run",
                        "LaneCancel.run",
                        "LaneCancel$Late.run",
                        "LaneEnds$Close.run",
                        "LaneEnds$Retire.run",
                        "TargetServer.endOverdue",
                        "TcpPeer.close",
                        "TcpPeer.cutOff",
                        "TcpPeer.movedTo",
                        "TcpPeer.submit",
                        "TcpTransport.endStalled",
                        "TlsSocket.channelInactive",
                        "TlsSocket.channelRead",
                        "TlsSocket.channelReadComplete",
                        "TlsSocket.exceptionCaught",
                        "TlsSocket.read",
                        "TokenDoor.refuse",
                        "WireForm.equals",
                        "WireHandler.channelInactive",
                        "WireHandler.channelRead",
                        "WireHandler.channelReadComplete",
                        "WireHandler.channelWritabilityChanged",
                        "WireHandler.exceptionCaught",
                        "WireHandler.onStagingDry",
                        "WireHandler.outboundDrained",
                        "WireHandler.userEventTriggered")))
        .isEmpty();
  }

  /** Else all requests of a host's older connections could wait for ever. */
  @Test
  void theOrderOfVersion1LinksNothing() {
    assertThat(
            new LinkedAtFirstUse(CLASSES, "io/transferengine/transport/tcp")
                .reachedFrom(
                    List.of(
                        "VersionOneOrder$1.channelRead",
                        "VersionOneOrder$Host.ask",
                        "VersionOneOrder$Host$Look.run",
                        "VersionOneOrder$LongWait.hasLostPatience",
                        "VersionOneOrder$LongWait.recheckOn",
                        "VersionOneTurn.goOn",
                        "VersionOneTurn.losePatience",
                        "VersionOneTurn.giveUp")))
        .isEmpty();
  }

  @Test
  void deadlinesAndEndsOfTransfersLinkNothing() {
    assertThat(
            new LinkedAtFirstUse(CLASSES, "io/transferengine/engine")
                .reachedFrom(
                    List.of(
                        "ActiveTransfers.abandonRest",
                        "ActiveTransfers.awaitEnd",
                        "ActiveTransfers.close",
                        "ActiveTransfers.drain",
                        "ActiveTransfers.endOverdue",
                        "ActiveTransfers.ended",
                        "ActiveTransfers.completeLater",
                        "BatchTable.add",
                        "BatchTable$Over.run",
                        "CompletionNotices.send",
                        "EngineEnd.start",
                        "EngineEnd.run",
                        "MetricsReporter.run",
                        "Registry.close",
                        "StoredDirectory.close",
                        "SegmentCache.answer",
                        "SegmentCache.drop",
                        "SegmentCache.get",
                        "SegmentRefresh.run",
                        "TransferEvents.look",
                        "TransferHandle.abort",
                        "TransferHandle.await",
                        "TransferHandle.cancel",
                        "TransferHandle.finish",
                        "TransferParts.blocksToRepeat",
                        "TransferParts.isMergeRefused",
                        "TransferParts.isStarted",
                        "TransportRegistry.stop")))
        .isEmpty();
  }

  @Test
  void givingMemoryBackLinksNothing() {
    assertThat(
            new LinkedAtFirstUse(CLASSES, "io/transferengine/memory")
                .reachedFrom(List.of("Region.release")))
        .isEmpty();
    assertThat(
            new LinkedAtFirstUse(CLASSES, "io/transferengine/transport")
                .reachedFrom(List.of("SeveralRegions.release")))
        .isEmpty();
  }

  @Test
  void countingEndsOfTransfersLinksNothing() {
    assertThat(
            new LinkedAtFirstUse(CLASSES, "io/transferengine/micrometer/meters")
                .reachedFrom(
                    List.of(
                        "TransferMeters.catchUp", "TransferMeters.ended", "TransferMeters.look")))
        .isEmpty();
  }

  @Test
  void endsOfRdmaPeersLinkNothing() {
    assertThat(
            new LinkedAtFirstUse(CLASSES, "io/transferengine/transport/rdma")
                .reachedFrom(
                    List.of(
                        "CommandQueue.borrow",
                        "CommandQueue.giveBack",
                        "RdmaPeer.close",
                        "RdmaPeer.failThoseSince",
                        "SendQueue.giveBack")))
        .isEmpty();
  }

  @Test
  void acceptingAndHandingOutThreadsLinkNothing() {
    assertThat(
            new LinkedAtFirstUse(CLASSES, "io/transferengine/net")
                .reachedFrom(
                    List.of(
                        "AcceptLoop.run",
                        "ClientThreads.stop",
                        "Listener.accept",
                        "LimitedExecutor.execute")))
        .isEmpty();
  }

  /** {@code root} reaches two such places, one of them by an override. */
  @SuppressWarnings("unused") // Its class file is read.
  private static class Sample {
    int root(Object of) {
      return number() + (of instanceof Sample other ? other.number() : 0);
    }

    int number() {
      return 1;
    }

    void unreached() {
      Runnable never = () -> {};
      never.run();
    }
  }

  @SuppressWarnings("unused")
  private static final class Linking extends Sample {
    @Override
    int number() {
      IntSupplier one = () -> 1;
      return size(one);
    }

    private static int size(Object of) {
      return switch (of) {
        case Linking _ -> 1;
        case Sample _ -> 2;
        default -> of.hashCode();
      };
    }
  }

  @Test
  void whatIsReachedIsFound() {
    assertThat(
            new LinkedAtFirstUse(Path.of("target/test-classes"), "io/transferengine")
                .reachedFrom(List.of("LinkedAtFirstUseTest$Sample.root")))
        .hasSize(2)
        .anyMatch(place -> place.startsWith("LinkedAtFirstUseTest$Linking.number:"))
        .anyMatch(place -> place.startsWith("LinkedAtFirstUseTest$Linking.size:"));
  }
}
