// SPDX-License-Identifier: Apache-2.0
/**
 * {@code bench}: measures transfers. A workload makes rows. Each row is measured in rounds, in
 * turns with a reference such as iperf3 if there is one, and its content is compared in both
 * processes.
 */
package io.transferengine.cli.bench;
