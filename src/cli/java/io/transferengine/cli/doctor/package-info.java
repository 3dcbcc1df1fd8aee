// SPDX-License-Identifier: Apache-2.0
/** {@code doctor} and {@code topology}: what this machine can do, and why not. */
package io.transferengine.cli.doctor;
