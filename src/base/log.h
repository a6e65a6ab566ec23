// The process log: one line an event, on standard error, for the operator. What happened to a message goes to the
// message trace (watch/), never here alone; message contents and secrets never come here.
#pragma once

#include <string>
#include <string_view>

namespace pabal::log {

enum class Level { kDebug, kInfo, kWarn, kError, kOff };

void set_level(Level level);
void write(Level level, std::string_view room, std::string_view text);  // thread-safe; control characters escaped

inline void debug(std::string_view room, std::string_view text) { write(Level::kDebug, room, text); }
inline void info(std::string_view room, std::string_view text) { write(Level::kInfo, room, text); }
inline void warn(std::string_view room, std::string_view text) { write(Level::kWarn, room, text); }
inline void error(std::string_view room, std::string_view text) { write(Level::kError, room, text); }

}  // namespace pabal::log
