// SPDX-License-Identifier: Apache-2.0
package io.transferengine.contract;

import java.util.function.LongFunction;
import java.util.stream.Stream;

/**
 * A transport that has to hold what every transport has to.
 *
 * @param setup makes what it needs, out of a seed
 */
record Candidate(String name, LongFunction<TransportSetup> setup) {
  /** {@return all, or those that {@code -Dcandidate=} names a part of} */
  static Stream<Candidate> all() {
    return Stream.of(
            new Candidate("reference", _ -> new ReferenceSetup(false)),
            new Candidate("two, each for other memory", _ -> new ReferenceSetup(true)),
            new Candidate("TCP version 2", _ -> new TcpSetup(2)),
            new Candidate("TCP with checksums", _ -> TcpSetup.withChecksums()),
            new Candidate("TCP version 1", _ -> new TcpSetup(1)),
            new Candidate("TCP over TLS", _ -> TcpSetup.overTls()),
            new Candidate("TCP without copies", _ -> TcpSetup.withoutCopies()),
            new Candidate(
                "TCP, device memory of the initiator",
                seed -> new TcpSetup(2).onDevices(seed, "left"::equals)),
            new Candidate(
                "TCP, device memory of the target",
                seed -> new TcpSetup(2).onDevices(seed, name -> !name.equals("left"))),
            new Candidate(
                "TCP, device memory of both", seed -> new TcpSetup(2).onDevices(seed, _ -> true)),
            new Candidate(
                "TCP version 1, device memory of both",
                seed -> new TcpSetup(1).onDevices(seed, _ -> true)),
            new Candidate(
                "TCP with checksums over TLS, device memory of both",
                seed -> TcpSetup.withChecksumsOverTls().onDevices(seed, _ -> true)),
            new Candidate("copies on one machine", _ -> new LocalSetup()),
            new Candidate(
                "copies on one machine, device memory of the initiator",
                seed -> new LocalSetup(seed, "left"::equals)),
            new Candidate(
                "copies on one machine, device memory of the target",
                seed -> new LocalSetup(seed, name -> !name.equals("left"))),
            new Candidate(
                "copies on one machine, device memory of both",
                seed -> new LocalSetup(seed, _ -> true)),
            new Candidate("RDMA on simulated devices", SimulatedRdmaSetup::new))
        .filter(each -> each.name().contains(System.getProperty("candidate", "")));
  }

  @Override
  public String toString() {
    return name;
  }
}
