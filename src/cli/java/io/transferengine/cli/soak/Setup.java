// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.cli.certs.CertificateFiles;
import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.cli.target.EngineSetup;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * How the processes of a group are made.
 *
 * @param folder for memory, logs and certificates
 * @param protocol of their engines
 * @param variables of their environment
 * @param links network interfaces that may be taken down for a while
 * @param fullHeaps whether the heap of a process may be full for a while
 */
record Setup(
    CommandEnvironment environment,
    Path folder,
    String protocol,
    Configuration configuration,
    Map<String, String> variables,
    List<String> links,
    boolean fullHeaps) {

  /** In place of a metadata service. */
  static final String PEER_TO_PEER = "P2PHANDSHAKE";

  /** {@return one} With TLS, it makes a certificate for all of them, which takes seconds. */
  static Setup of(
      CommandEnvironment environment, Path folder, String protocol, Configuration configuration) {
    Map<String, String> variables = new HashMap<>(configuration.variant().variables());
    if (configuration.tls()) {
      CertificateFiles files = new CertificateFiles(folder.resolve("certificates"));
      files.make(environment.javaHome(), List.of(Ports.REAL, Ports.TOLD));
      variables.putAll(files.variables(CertificateFiles.OWNERS.getFirst()));
    }
    return new Setup(
        environment, folder, protocol, configuration, Map.copyOf(variables), List.of(), false);
  }

  Setup withLinks(List<String> cut) {
    return new Setup(
        environment, folder, protocol, configuration, variables, List.copyOf(cut), fullHeaps);
  }

  Setup withFullHeaps(boolean may) {
    return new Setup(environment, folder, protocol, configuration, variables, links, may);
  }

  /** {@return the same, in a process that can run out of threads if any can} */
  ProcessBuilder limitable(ProcessBuilder builder) {
    return mustBeOurs() ? builder : builder.command(Shortage.limitable(builder.command()));
  }

  /** {@return whether processes can run out of it} */
  boolean canLack(Shortage.Resource resource) {
    return !(mustBeOurs() && resource == Shortage.Resource.THREADS) && Shortage.canTake(resource);
  }

  /** {@return whether the initiators copy, and data connections have nothing to do} */
  boolean onOneMachine() {
    return protocol.equals(EngineSetup.LOCAL);
  }

  /**
   * Only root may lock memory without limit, as RDMA needs it, and processes copy from and to each
   * other only as one user.
   */
  private boolean mustBeOurs() {
    return protocol.equals(EngineSetup.RDMA) || onOneMachine();
  }

  /** {@return where a process of this name logs} */
  Path log(String name) {
    return folder.resolve(name + ".log");
  }

  boolean hasService() {
    return configuration.variant().hasService();
  }
}
