#pragma once

// What a process that was not forked from its starter is told: the rest of its ticket
// (shm/ticket.hpp), in the codec's bytes after the head.
//
//   kind          process, or fork server
//   build         path and build-id of the program: code tokens bind to it
//   who           title, path, parent (name, pid, title), daemon, bound to the parent's life,
//                 listed worker, SIGINT ignored
//   as the parent default start method, ignored and blocked signals, directory, environment
//   settings      what ProcessOptions ask for; streams travel as descriptors
//   work          code token, level and way of log records, then whatever the work wrote
//
// Death: nothing shared is touched; see shm/ticket.hpp.

#include <cstdint>
#include <span>
#include <string>

#include <multiprocessing/detail/codec_stream.hpp>
#include <multiprocessing/detail/process_options.hpp>

#include "process/bootstrap.hpp"
#include "process/launch.hpp"
#include "shm/ticket.hpp"

namespace multiprocessing::process {

enum class TicketKind : std::uint8_t { process, fork_server };

/// Which of the standard streams came with the ticket, one bit each.
using StreamBits = std::uint8_t;

struct Newborn {
  TicketKind kind = TicketKind::process;
  Birth birth;
  ProcessOptions settings;  // without streams
  StreamBits streams = 0;
  WorkFunction* work = nullptr;
};

/// Writes everything but the head's last fields: room for the head, then what the header lists.
/// \throws TransferError if the work cannot be transferred.
void write_ticket(detail::Writer& out, TicketKind kind, const Birth& birth, StreamBits streams,
                  const Work* work);

/// Puts the head in front and seals it all.
[[nodiscard]] sys::UniqueFd seal_ticket(detail::Writer& out, shm::TicketHead head);

/// Reads it up to the way of log records and what the work wrote, which are left in `in`.
/// \throws ValueError naming both programs if it comes from another build; TransferError.
[[nodiscard]] Newborn read_ticket(detail::Reader& in);

}  // namespace multiprocessing::process
