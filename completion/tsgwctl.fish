# SPDX-License-Identifier: MIT
# fish completion of tsgwctl(1): asks the program itself, so it knows every command, option and tailnet.
function __tsgwctl_complete
    set -l done (commandline -opc)
    set -l current (commandline -ct)
    set -l found ($done[1] --complete $done[2..-1] "$current" 2>/dev/null)
    # what stands before the value is part of the word, and of what is told to fish
    set -l head (string match -r -- '^--[^=]*=' "$current")
    set -l value (string replace -r -- '^--[^=]*=' '' "$current")
    switch "$found[1]"
        case ':file'
            __fish_complete_path "$value" | string replace -r -- '^' "$head"
        case ':dir'
            __fish_complete_directories "$value" | string replace -r -- '^' "$head"
        case ':command*'
            set -l n (string replace ':command ' '' "$found[1]")
            __fish_complete_subcommand --fcs-skip=(math $n + 1)
        case '*'
            printf '%s\n' $found
    end
end
complete -c tsgwctl -f -a '(__tsgwctl_complete)'
