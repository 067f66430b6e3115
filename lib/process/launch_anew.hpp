#pragma once

// Starts a process that executes the program anew: start method spawn, and the fork server itself.
//
// Steps, and what a death at each leaves (P: the parent, C: the child)
//
//   P writes the ticket, claims a slot, holds for it what the ticket carries, seals
//                      P dead: the slot is swept, with what was entered for it
//   P executes: C has life, arena and life pipe before its first instruction
//                      P dead: C goes on as an orphan, or ends by the life pipe
//                      C dead: its byte was locked before and is free now; P has its pidfd
//   C joins the arena, takes on its name (at load, or at the first use of the library)
//   C reads the ticket (freeze_support), is born, holds its arguments itself, leaves what was given
//   C that leaves main() without freeze_support says so and ends with code 1
//
// Points: process.spawn.claimed .sealed .executed, process.newborn.named .read .held

#include <memory>

#include "process/bootstrap.hpp"
#include "process/child.hpp"
#include "process/launch.hpp"
#include "shm/process_table.hpp"

namespace multiprocessing::process {

/// Start method spawn.
[[nodiscard]] Launched spawn(const LaunchOptions& options, const Work& work);

/// What the program does about signals, seen from the calling thread.
[[nodiscard]] ProgramSignals program_signals() noexcept;

/// A child that was claimed by, and is to be known to, the caller.
struct Expected {
  /// Claims the slot and holds for the child what the ticket carries.
  Expected(const LaunchOptions& options, Child::Origin origin, const detail::Writer& ticket);
  shm::ChildSlot slot{shm::Inherits::nothing};
  std::shared_ptr<Child> child;
};

/// The numbers that descriptors have in a process that was executed with a ticket.
inline constexpr int kTicketAt = 3;
inline constexpr int kArenaAt = 4;
inline constexpr int kLifeAt = 5;
inline constexpr int kSentinelAt = 6;
inline constexpr int kSocketAt = 7;  // of a fork server
inline constexpr int kStorePutAt = 8;
inline constexpr int kStoreTakeAt = 9;

}  // namespace multiprocessing::process
