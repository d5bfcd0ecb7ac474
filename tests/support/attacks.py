"""Known attacks: what each of them is, the line that stops it here, the tests that try it.

``docs/security.md`` is made of this table, and ``tests/pressure/test_controls.py`` takes each line
out of a copy of the repository, in which the test must then fail: so it does try the attack.
"""

from __future__ import annotations

from ocinb.frozen import Frozen


class Line(Frozen):
    """A line of ours that stops an attack.

    Attributes:
        file: from the repository's root.
        text: the line without its indentation; the file has it once.
        instead: what stands in its place where the attack shall work.
    """

    file: str
    text: str
    instead: str


class Attack(Frozen):
    """An attack that is known, from a report or of a kind.

    Attributes:
        name: of the report, or the usual one.
        how: what is done, in a sentence.
        lines: that stop it; several where each of them alone would.
        test: that tries it, as pytest names it; without its parameters it is all of them.
        others: further tests of it, without a control.
        control: which case of ``test`` must fail without the lines; empty: one of them must.
        because: what stops it, where the lines alone do not say that.
    """

    name: str
    how: str
    lines: tuple[Line, ...]
    test: str
    others: tuple[str, ...] = ()
    control: str = ""
    because: str = ""


_ESCAPES = "tests/conformance/runtime/test_escapes.py::"
_STORIES = "tests/conformance/runtime/test_escape_stories.py::"
_HOSTILE = "tests/unit/layer/test_hostile.py::"
_UNPACK = "tests/unit/layer/test_unpack.py::"
_COPYING = "tests/engine/test_copying.py::"
_COPY_ATTACKS = "tests/engine/test_copy_attacks.py::"
_AUTH = "tests/unit/distribution/test_auth.py::"
_FOREIGN = "tests/unit/distribution/test_foreign_layers.py::"
_DOCUMENTS = "tests/unit/spec/test_documents.py::"
_ACCESS = "tests/unit/registry/test_access.py::"
_PRESSURE = "tests/unit/registry/test_pressure.py::"

_IN_ROOT = Line(
    file="ocinb/linux/beneath.py",
    text="_RESOLVE = f.RESOLVE_IN_ROOT | f.RESOLVE_NO_MAGICLINKS",
    instead="_RESOLVE = 0",
)
_NO_FOLLOW = Line(
    file="ocinb/layer/safe_path.py",
    text="OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC",
    instead="OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC",
)
_REFUSED = Line(
    file="ocinb/runtime/steps/program.py",
    text="raise StepFailed(f'exec: \"{env.program}\": is the interpreter of the runtime itself')",
    instead="return",
)
_SEALED = Line(
    file="ocinb/runtime/sealing.py",
    text="os.execve(own, sys.orig_argv, os.environ)",
    instead="return",
)
_DEVICE = Line(
    file="ocinb/runtime/steps/devices.py",
    text='if not right_type or (device.kind != "p" and info.st_rdev != number):',
    instead="if False:",
)

RUNTIME = (
    Attack(
        name="CVE-2019-5736",
        how="A program of the image is a script whose interpreter is `/proc/self/exe`: the host's "
        "runtime is executed with the image's dynamic linker, and overwritten when it ends.",
        lines=(_REFUSED, _SEALED),
        test=_STORIES + "test_2019_5736_the_runtimes_interpreter_is_not_overwritten",
        others=(
            _ESCAPES + "test_2019_5736_a_program_that_is_the_runtimes_interpreter",
            _ESCAPES + "test_2019_5736_a_program_that_becomes_one_before_start",
            _ESCAPES + "test_2019_5736_the_same_by_exec",
            _ESCAPES + "test_2019_5736_exec_runs_from_a_file_that_cannot_be_written",
            _ESCAPES + "test_2019_5736_a_user_who_owns_the_interpreter_runs_a_copy_of_it",
        ),
    ),
    Attack(
        name="CVE-2019-14271",
        how="`cp` loads a library of the container into a process of the host.",
        lines=(
            Line(
                file="ocinb/engine/copying/worker.py",
                text="os.umask(0)",
                instead="os.umask(0); os.fchdir(root); os.chroot('.'); import pwd; pwd.getpwall()",
            ),
        ),
        test=_COPY_ATTACKS + "test_2019_14271_no_library_of_the_container_is_loaded",
        because="The process that copies works by descriptors, and the container's tree is never "
        "its root; the control lets it be, before users' names are looked up, at",
    ),
    Attack(
        name="CVE-2019-16884",
        how="The image has a volume over `/proc`, or a mount of config.json lies inside it: "
        "security labels are written to a file that means nothing.",
        lines=(
            Line(
                file="ocinb/runtime/steps/mount_points.py",
                text="if not harmless:",
                instead="if False:",
            ),
        ),
        test=_ESCAPES + "test_2019_16884_nothing_is_mounted_over_proc",
        others=(_ESCAPES + "test_2019_16884_what_only_informs_may_be_covered",),
    ),
    Attack(
        name="CVE-2019-19921, CVE-2023-27561, CVE-2023-28642",
        how="`/proc` or `/sys` of the image is a symbolic link, so that it is mounted elsewhere, "
        "and what is masked or labelled beneath it is not.",
        lines=(
            Line(
                file="ocinb/runtime/steps/mounts.py",
                text="refuse_link(env, destination, fstype)",
                instead="pass",
            ),
        ),
        test=_ESCAPES + "test_2023_27561_proc_and_sys_are_mounted_on_directories_only",
        others=(_ESCAPES + "test_2019_16884_nothing_is_mounted_over_proc",),
    ),
    Attack(
        name="CVE-2021-30465",
        how="Between the check and the mount a directory is exchanged for a link that leads to "
        "the host.",
        lines=(_IN_ROOT,),
        test=_ESCAPES + "test_2021_30465_swapped_while_it_is_mounted_upon",
        others=(_ESCAPES + "test_2021_30465_a_mount_point_that_is_a_link_stays_inside",),
    ),
    Attack(
        name="CVE-2024-45310",
        how="Links of the image lead the runtime to make empty files and directories on the host.",
        lines=(_IN_ROOT,),
        test=_STORIES + "test_2024_45310_no_mount_point_is_made_on_the_host",
    ),
    Attack(
        name="CVE-2022-29162",
        how="A process of `exec --cap` has inheritable capabilities, which a program with file "
        "capabilities turns into permitted ones.",
        lines=(
            Line(
                file="ocinb/runtime/exec_command.py",
                text='for name in ("bounding", "effective", "permitted", "ambient"):',
                instead='for name in ("bounding", "effective", "permitted", "inheritable"):',
            ),
        ),
        test=_ESCAPES + "test_2022_29162_nothing_is_inheritable_unless_asked_for",
    ),
    Attack(
        name="CVE-2024-21626",
        how="`process.cwd` is `/proc/self/fd/N`, where N is a directory of the host that somebody "
        "left open.",
        lines=(
            Line(
                file="ocinb/runtime/steps/program.py",
                text="os.getcwd()",
                instead="pass",
            ),
            Line(
                file="ocinb/runtime/container_process.py",
                text="close_others(env.kernel, [*env.descriptors(), *channel.descriptors, "
                "*gate.descriptors])",
                instead="pass",
            ),
            Line(
                file="ocinb/runtime/further.py",
                text="close_others(env.kernel, kept)",
                instead="pass",
            ),
        ),
        test=_STORIES + "test_2024_21626_a_descriptor_that_a_caller_leaked_is_no_way_out",
        others=(
            _ESCAPES + "test_2024_21626_no_descriptor_leads_out",
            _ESCAPES + "test_2024_21626_the_same_by_exec",
        ),
    ),
    Attack(
        name="CVE-2025-31133",
        how="`/dev/null` of the image is a link: what it leads to is bound over the masked path.",
        lines=(
            _DEVICE,
            Line(
                file="ocinb/runtime/steps/masks.py",
                text='null = env.kernel.open_tree(f.AT_FDCWD, "/dev/null", f.OPEN_TREE_CLONE)',
                instead='null = env.kernel.open_tree(env.root.open("/dev/null"), "", '
                "f.AT_EMPTY_PATH | f.OPEN_TREE_CLONE)",
            ),
            Line(
                file="ocinb/runtime/steps/masks.py",
                text="if not stat.S_ISCHR(info.st_mode) or info.st_rdev != os.makedev(1, 3):",
                instead="if False:",
            ),
        ),
        test=_ESCAPES + "test_2025_31133_masks_are_the_hosts_null_device",
        others=(_ESCAPES + "test_2025_31133_a_default_device_that_is_a_link_is_an_error",),
    ),
    Attack(
        name="CVE-2025-52565",
        how="`/dev/console` of the image is a link: the terminal is bound over a file of `/proc`.",
        lines=(
            Line(
                file="ocinb/runtime/steps/console.py",
                text='point = env.root.open("/dev/console", resolve=f.RESOLVE_NO_SYMLINKS)',
                instead='point = env.root.open("/dev/console")',
            ),
        ),
        test=_ESCAPES + "test_2025_52565_the_console_is_bound_to_no_link",
    ),
    Attack(
        name="CVE-2025-52881 (what is read)",
        how="The image has a `/proc` of its own, which says that groups cannot be changed: the "
        "process keeps those of the host.",
        lines=(
            Line(
                file="ocinb/runtime/steps/credentials.py",
                text='with open(os.open(f"self/{name}", flags, dir_fd=env.host_proc), '
                'encoding="utf-8") as file:',
                instead='with open(f"/proc/self/{name}", encoding="utf-8") as file:',
            ),
        ),
        test=_ESCAPES + "test_2025_52881_a_made_up_proc_does_not_keep_the_hosts_groups",
    ),
    Attack(
        name="CVE-2025-52881 (what is written)",
        how="Kernel parameters are written to files of the image instead of the kernel's.",
        lines=(
            Line(
                file="ocinb/runtime/steps/names.py",
                text='env.kernel.write(f"/proc/sys/{path}", value)',
                instead='env.kernel.write(f"/proc/self/fd/{env.root.fd}/proc/sys/{path}", value)',
            ),
        ),
        test=_ESCAPES + "test_2025_52881_parameters_are_not_written_to_what_the_image_has",
        others=(_ESCAPES + "test_2019_16884_nothing_is_mounted_over_proc",),
    ),
)

FILES = (
    Attack(
        name="CVE-2018-15664",
        how="While `cp` runs, the container exchanges a directory for a link that leads to the "
        "host.",
        lines=(_IN_ROOT,),
        test=_COPY_ATTACKS + "test_2018_15664_a_directory_that_is_exchanged_meanwhile",
    ),
    Attack(
        name="CVE-2019-10152",
        how="A link of the container leads `cp` to read or write files of the host.",
        lines=(_IN_ROOT,),
        test=_COPYING + "test_links_of_the_container_do_not_lead_out",
        others=(
            _COPYING + "test_no_archive_leads_out_of_the_container",
            _COPYING + "test_a_link_that_is_in_the_way_is_replaced_not_followed",
            _COPYING + "test_what_comes_out_stays_in_its_directory",
        ),
    ),
    Attack(
        name="CVE-2022-23648",
        how="The place of an image's volume is a link to the host: the volume begins with a copy "
        "of what is there.",
        lines=(_IN_ROOT,),
        test="tests/engine/test_volumes.py::test_links_of_the_image_do_not_lead_to_the_host",
    ),
    Attack(
        name="Zip slip",
        how="An entry of a layer is called `../victim`.",
        lines=(
            Line(
                file="ocinb/layer/tar_reader.py",
                text='if ".." in parts:',
                instead="if False:",
            ),
            Line(
                file="ocinb/layer/links.py",
                text='if name == "..":',
                instead="if False:",
            ),
        ),
        test=_HOSTILE + "test_nothing_outside_changes",
        others=("tests/unit/layer/test_tar_reader.py::test_a_path_with_dots_is_refused",),
        control="[tree-dots in a name]",
    ),
    Attack(
        name="Breakout by a symbolic link",
        how="A layer makes a link to a directory of the host, then a file behind it.",
        lines=(_NO_FOLLOW,),
        test=_HOSTILE + "test_nothing_outside_changes",
        others=(
            _HOSTILE + "test_no_combination_gets_out",
            _HOSTILE + "test_a_link_of_a_lower_layer_does_not_lead_out",
        ),
        control="[tree-a link to outside, then through it]",
    ),
    Attack(
        name="Breakout over a symbolic link",
        how="A layer makes a link to a file of the host, then a file of the same name.",
        lines=(
            Line(
                file="ocinb/layer/apply.py",
                text="_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW "
                "| os.O_CLOEXEC",
                instead="_CREATE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC",
            ),
        ),
        test=_HOSTILE + "test_nothing_outside_changes",
        control="[tree-a file over a link to outside]",
    ),
    Attack(
        name="Breakout by a hard link",
        how="A layer makes a hard link through a link to the host: the image has its file.",
        lines=(_NO_FOLLOW,),
        test=_HOSTILE + "test_nothing_outside_changes",
        control="[tree-a hard link through a link]",
    ),
    Attack(
        name="Whiteouts through symbolic links",
        how="The parent of a whiteout is a link to the host: files of the host are removed.",
        lines=(_NO_FOLLOW,),
        test=_HOSTILE + "test_nothing_outside_changes",
        others=(_HOSTILE + "test_a_tree_with_links_to_outside_is_pruned_inside_only",),
        control="[tree-a link as the parent of a whiteout]",
    ),
    Attack(
        name="Decompression bomb",
        how="A few kilobytes become gigabytes.",
        lines=(
            Line(
                file="ocinb/layer/stream.py",
                text="self._check_limits()",
                instead="pass",
            ),
        ),
        test=_UNPACK + "test_a_bomb_is_stopped",
        others=(
            _UNPACK + "test_a_sparse_file_counts_with_its_holes",
            "tests/unit/layer/test_compression.py::test_a_bomb_takes_no_memory",
        ),
    ),
    Attack(
        name="Overlay attributes in an archive",
        how="`trusted.overlay.redirect` in a layer shows files of other layers under new names.",
        lines=(
            Line(
                file="ocinb/layer/whiteout.py",
                text="return name.startswith(_OVERLAY_XATTRS)",
                instead="return False",
            ),
        ),
        test=_UNPACK + "test_overlay_overrides_of_an_archive_are_not_obeyed",
    ),
)

REGISTRIES = (
    Attack(
        name="CVE-2020-15157",
        how="A layer's `urls` lead to a stranger's server, which asks for the credentials.",
        lines=(
            Line(
                file="ocinb/distribution/pull.py",
                text="if error.status != 404 or not (layer.urls or layer.media_type in "
                "media_types.FOREIGN):",
                instead="for url in layer.urls: __import__('httpx').get(url)\n"
                "        if error.status != 404:",
            ),
        ),
        test=_FOREIGN + "test_an_address_in_a_manifest_gets_no_request_and_no_credentials",
        because="No code asks for them; the control does, at",
        others=(_FOREIGN + "test_a_registry_that_has_such_a_layer_is_asked_for_it",),
    ),
    Attack(
        name="CVE-2020-15157 (by a redirect)",
        how="A registry redirects to a stranger's server: the credentials follow.",
        lines=(
            Line(
                file="ocinb/distribution/transport.py",
                text="auth, party = None, STORAGE",
                instead="party = STORAGE",
            ),
        ),
        test=_AUTH + "test_credentials_do_not_follow_a_redirect_to_another_host",
        others=(
            _AUTH + "test_credentials_do_not_come_back_with_a_redirect_of_another_host",
            _AUTH + "test_a_redirect_from_https_down_to_http_is_not_followed",
            _AUTH + "test_a_realm_that_is_not_sensible_is_not_asked",
        ),
    ),
    Attack(
        name="CVE-2021-41190",
        how="One document is an index to one reader and a manifest to another.",
        lines=(
            Line(
                file="ocinb/spec/manifest.py",
                text="if found:",
                instead="if False:",
            ),
        ),
        test=_DOCUMENTS + "test_a_document_is_never_read_as_two_things",
        others=(
            "tests/unit/distribution/test_hostile_registries.py::"
            "test_one_clear_sentence_and_nothing_unverified",
        ),
    ),
    Attack(
        name="CVE-2024-3727",
        how="A digest is no digest but a path, and what is done with it happens elsewhere.",
        lines=(
            Line(
                file="ocinb/spec/digest.py",
                text="if len(encoded) != length or not _HEX.fullmatch(encoded):",
                instead="if False:",
            ),
            Line(
                file="ocinb/spec/digest.py",
                text="if not isinstance(text, str) or not _GRAMMAR.fullmatch(text):",
                instead="if not isinstance(text, str):",
            ),
        ),
        test="tests/unit/content/test_hostile_digests.py::"
        "test_2024_3727_a_digest_that_is_a_path_reaches_no_file",
        others=(
            "tests/unit/spec/test_digest.py::test_what_is_not_a_digest_is_refused",
            "tests/unit/registry/test_malformed.py::test_a_digest_that_is_none",
            "tests/unit/registry/test_pressure.py::test_a_path_that_leads_elsewhere_leads_nowhere",
        ),
    ),
    Attack(
        name="Forged tokens",
        how="A token of our registry with other claims, or signed by somebody else.",
        lines=(
            Line(
                file="ocinb/registry/tokens.py",
                text="if not hmac.compare_digest(_encode(self._signature(text)).encode(), "
                "signature.encode()):",
                instead="if False:",
            ),
        ),
        test=_ACCESS + "test_a_token_that_we_did_not_sign",
        others=("tests/unit/registry/test_tokens.py::test_a_token_is_good_until_its_second",),
    ),
    Attack(
        name="A mount out of another repository",
        how="Who may push to one repository mounts blobs of another, which he may not read.",
        lines=(
            Line(
                file="ocinb/registry/access.py",
                text='scopes.append(Scope(type="repository", name=source, actions=("pull",)))',
                instead="pass",
            ),
        ),
        test=_ACCESS + "test_a_mount_needs_both_repositories",
        others=(
            _ACCESS + "test_behind_a_password_a_mount_needs_its_source",
            _ACCESS + "test_a_source_alone_is_no_mount",
        ),
    ),
    Attack(
        name="Names told by time",
        how="A name that is unknown is refused sooner than a wrong password of one that is known.",
        lines=(
            Line(
                file="ocinb/registry/passwords.py",
                text="hashed = self._hashes[user] if known else "
                'next(iter(self._hashes.values()), "")',
                instead='hashed = self._hashes.get(user, "")',
            ),
        ),
        test=_ACCESS + "test_an_unknown_name_is_compared_too_so_that_time_does_not_tell_it",
    ),
    Attack(
        name="Slow clients (heads)",
        how="Clients send the head of a request and never end it, until no descriptor is free.",
        lines=(
            Line(
                file="ocinb/registry/zero_copy.py",
                text="self._head_timer = self.loop.call_later(HEAD_PATIENCE, self.transport.close)",
                instead="pass",
            ),
        ),
        test=_PRESSURE + "test_a_head_that_never_ends_is_given_up",
        others=(_PRESSURE + "test_two_hundred_clients_that_never_end_hold_up_nobody",),
    ),
    Attack(
        name="Slow clients (bodies)",
        how="Clients send a body byte by byte, each of them in time.",
        lines=(
            Line(
                file="ocinb/registry/asgi.py",
                text="if self._waited > PATIENCE:",
                instead="if False:",
            ),
        ),
        test=_PRESSURE + "test_a_body_that_trickles_is_given_up",
        others=(_PRESSURE + "test_two_hundred_clients_that_never_end_hold_up_nobody",),
    ),
    Attack(
        name="Names that are paths",
        how="The name of a repository is `..`, or has a slash that is written as `%2f`: files "
        "elsewhere are served and made.",
        lines=(
            Line(
                file="ocinb/registry/call.py",
                text="if len(name) > MAX_NAME_LENGTH or not REPOSITORY.fullmatch(name):",
                instead="if False:",
            ),
        ),
        test="tests/unit/registry/test_malformed.py::test_a_name_that_breaks_the_grammar",
        others=(_PRESSURE + "test_a_path_that_leads_elsewhere_leads_nowhere",),
    ),
    Attack(
        name="Endless manifests",
        how="A client pushes a manifest without an end, which the registry has to read as a whole.",
        lines=(
            Line(
                file="ocinb/registry/manifests.py",
                text="if len(data) > MAX_DOCUMENT:",
                instead="if False:",
            ),
        ),
        test="tests/unit/registry/test_manifests.py::test_a_manifest_has_at_most_four_mebibytes",
    ),
)

ATTACKS = {
    "The runtime": RUNTIME,
    "Files: layers, and `cp`": FILES,
    "Registries": REGISTRIES,
}
"""Subject → attacks."""
