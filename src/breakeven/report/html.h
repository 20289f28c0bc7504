// HTML pieces: text is escaped here and nowhere else, so that no name of a model or link becomes markup.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace breakeven {

/// Safe between tags and inside quoted attributes; control characters become spaces.
std::string html_text(std::string_view text);

/// The same, with "43.9 ms" kept on one line.
std::string html_sentence(std::string_view text);

/// Safe inside <script type="application/json">: no "</script>" and no "<!--" can arise.
std::string script_json(std::string json);

/// The template with each {{name}} replaced; every name in it must be given. What is put in is not looked at again.
std::string filled(std::string_view page, std::initializer_list<std::pair<std::string_view, std::string_view>> values);

}  // namespace breakeven
