#pragma once

// What a keeper or a worker must be told that was not forked from the process that made the pool.
//
//   sharing   encoded into the new process's ticket; what arrives is private to that process
//   threads   each process's main thread
//   death     of the starter, before it is decoded: the new process ends by its life pipe

#include <cstdint>

#include <multiprocessing/detail/pool_options.hpp>

#include "pool/keeper.hpp"
#include "process/launch.hpp"

namespace multiprocessing::pool {

/// A worker's place.
struct SeatSeed {
  std::uint32_t seat = 0;
  std::uint32_t chosen = 0;  // processors.hpp
  std::uint64_t incarnation = 0;
};

/// The keeper's work under any start method. Both references must last until it is launched.
process::Work keeper_work(View& view, const PoolOptions& options, const KeeperPlan& plan);

/// A worker's, where it is not forked from its keeper.
/// encode throws TransferError, std::system_error
process::Work worker_work(const SeatSeed& seat, const PoolOptions& options, const KeeperPlan& plan);

}  // namespace multiprocessing::pool
