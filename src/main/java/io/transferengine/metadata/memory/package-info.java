// SPDX-License-Identifier: Apache-2.0
/** A metadata service within the process, for tests and for engines that share a JVM. */
package io.transferengine.metadata.memory;
