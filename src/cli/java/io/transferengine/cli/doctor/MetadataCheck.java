// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.doctor;

import io.transferengine.diagnostics.EngineEnvironment;
import io.transferengine.diagnostics.SegmentDirectory;
import io.transferengine.transfer.TransferException;
import java.util.Optional;

/** Whether the metadata service that the environment names answers. */
final class MetadataCheck {
  private static final String WHAT = "metadata";

  private MetadataCheck() {}

  static CheckResult run(EngineEnvironment environment) {
    try {
      String server = environment.metadataServer();
      Optional<SegmentDirectory> found =
          server.isEmpty() ? Optional.empty() : SegmentDirectory.open(server, environment);
      if (found.isEmpty()) {
        return CheckResult.ok(
            WHAT, "P2PHANDSHAKE, without a server; MC_METADATA_SERVER can name one");
      }
      try (SegmentDirectory directory = found.get()) {
        directory.check();
        return CheckResult.ok(WHAT, directory.description() + " answers");
      }
    } catch (TransferException e) {
      return CheckResult.missing(WHAT, e);
    }
  }
}
