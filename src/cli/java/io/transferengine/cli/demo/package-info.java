// SPDX-License-Identifier: Apache-2.0
/** {@code demo}: moves real data both ways between two processes and compares it. */
package io.transferengine.cli.demo;
