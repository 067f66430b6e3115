#pragma once

// A process that was not forked from its starter, from the ticket to its work.

#include <vector>

#include "shm/ticket.hpp"
#include "sys/fd.hpp"

namespace multiprocessing::process {

/// In a child of the fork server that has its name: becomes what the ticket says and does its work.
[[noreturn]] void be_newborn(const shm::Ticket& ticket, sys::UniqueFd sentinel,
                             std::vector<sys::UniqueFd> streams) noexcept;

/// The work calls it when it has decoded everything: from here on this process holds what it uses.
void has_decoded();

}  // namespace multiprocessing::process
