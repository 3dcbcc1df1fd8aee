// SPDX-License-Identifier: Apache-2.0
/**
 * {@code bench}: what transfers cost. A workload makes rows; each is measured in rounds, beside a
 * reference such as iperf3 where there is one, and its content is compared in both processes.
 */
package io.transferengine.cli.bench;
