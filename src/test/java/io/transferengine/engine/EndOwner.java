// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import java.util.concurrent.CompletableFuture;

/** The owner of a transfer of which nothing but the end matters. */
abstract class EndOwner implements TransferHandle.Owner {
  @Override
  public void resolve(TransferHandle handle) {}

  @Override
  public void dropSegment(RemoteSegment failed, boolean outdated) {}

  @Override
  public void repeatsForStaleDescriptor() {}

  @Override
  public void completeLater(TransferHandle handle, CompletableFuture<Void> future) {}

  @Override
  public void settledLate(TransferHandle handle) {}
}
