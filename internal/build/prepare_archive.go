package build

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// pack writes the outputs under root into a new archive. It appears whole or not at all.
func pack(archive, root string, outputs, private []string) error {
	if err := os.MkdirAll(filepath.Dir(archive), 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(archive), "new-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // gone by then, if all went well
	w := tar.NewWriter(file)
	for _, output := range outputs {
		err = errors.Join(err, packOne(w, root, filepath.Clean(output), private))
	}
	if err := errors.Join(err, w.Close(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), archive)
}

func packOne(w *tar.Writer, root, output string, private []string) error {
	return filepath.WalkDir(filepath.Join(root, output), func(path string, found fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil || slices.Contains(private, filepath.ToSlash(name)) {
			return err
		}
		info, err := found.Info()
		if err != nil {
			return err
		}
		link := ""
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			if link, err = os.Readlink(path); err != nil {
				return err
			}
		case !info.IsDir() && !info.Mode().IsRegular():
			return nil
		}
		header, err := tar.FileInfoHeader(info, link)
		if err != nil {
			return err
		}
		header.Name, header.Format = filepath.ToSlash(name), tar.FormatPAX
		if err := w.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
			return err
		}
		return packContent(w, path)
	})
}

func packContent(w io.Writer, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(w, file)
	return err
}

// unpack puts the archive's content in the place of the outputs.
func unpack(archive, path string, outputs []string) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	root, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, output := range outputs {
		if err := root.RemoveAll(filepath.Clean(output)); err != nil {
			return err
		}
	}
	for r := tar.NewReader(file); ; {
		header, err := r.Next()
		if err == io.EOF {
			return os.Chtimes(archive, time.Time{}, time.Now()) // the oldest are forgotten
		}
		if err != nil {
			return err
		}
		if err := unpackOne(root, header, r); err != nil {
			return err
		}
	}
}

func unpackOne(root *os.Root, header *tar.Header, content io.Reader) error {
	if err := root.MkdirAll(filepath.Dir(header.Name), 0o755); err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(header.Name, 0o755)
	case tar.TypeSymlink:
		return root.Symlink(header.Linkname, header.Name)
	}
	file, err := root.OpenFile(header.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, header.FileInfo().Mode().Perm()|0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Close())
}

// forget keeps the newest archives.
func forget(directory string, newest int) error {
	found, err := filepath.Glob(filepath.Join(directory, "*.tar"))
	if err != nil {
		return err
	}
	slices.SortFunc(found, func(a, b string) int { return modified(b).Compare(modified(a)) })
	for _, old := range found[min(newest, len(found)):] {
		err = errors.Join(err, os.Remove(old))
	}
	return err
}

func modified(path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
