// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.doctor;

import io.transferengine.config.MetadataOptions;
import io.transferengine.config.Options;
import io.transferengine.config.Settings;
import io.transferengine.engine.EngineOptions;
import io.transferengine.engine.MetadataStores;
import io.transferengine.metadata.MetadataKeys;
import io.transferengine.metadata.MetadataStore;
import io.transferengine.transfer.TransferException;
import java.time.Duration;

/** Whether the metadata service that the environment names answers. */
final class MetadataCheck {
  private static final String WHAT = "metadata";

  /** As long as opening an engine may take. */
  private static final Duration TIMEOUT = Duration.ofSeconds(5);

  private MetadataCheck() {}

  /** The service is asked for a record that nobody has. */
  static CheckResult run() {
    try {
      Settings settings = Settings.fromEnvironment();
      String server = settings.get(Options.METADATA_SERVER);
      if (server.isEmpty() || server.equals(EngineOptions.P2P_HANDSHAKE)) {
        return CheckResult.ok(WHAT, "P2PHANDSHAKE, without a server; MC_METADATA_SERVER names one");
      }
      try (MetadataStore store = MetadataStores.open(server, settings).orElseThrow()) {
        MetadataKeys keys = MetadataKeys.ofCluster(settings.get(MetadataOptions.CLUSTER_ID));
        var _ = store.get(keys.rpcMeta("te-doctor"), TIMEOUT);
        return CheckResult.ok(WHAT, store.description() + " answers");
      }
    } catch (TransferException e) {
      return CheckResult.missing(WHAT, DoctorChecks.text(e));
    }
  }
}
