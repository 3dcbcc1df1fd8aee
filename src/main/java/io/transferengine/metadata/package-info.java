// SPDX-License-Identifier: Apache-2.0
/** What our clients of metadata services, and our server, have in common. */
package io.transferengine.metadata;
