package replay

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kensa/hw/handler"
)

// Extensions are the image files looked for, in small letters.
var Extensions = []string{".png", ".jpg", ".jpeg", ".tif", ".tiff", ".pgm"}

// Wafer is one recorded wafer.
type Wafer struct {
	Material handler.Material
	Files    []string // paths, in the order in which they are replayed
}

// Find lists the wafers recorded in a folder: every folder in it, or itself,
// that holds images is a wafer, named as the folder is, of the lot that the
// folder above it is named for. Wafers and files come in natural order: 2 before
// 10. A folder without images is an error.
func Find(folder string) ([]Wafer, error) {
	root, err := filepath.Abs(folder)
	if err != nil {
		return nil, fmt.Errorf("replay: %s: %w", folder, err)
	}
	// A link to a folder is as good as the folder; WalkDir would not enter it.
	target, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	if info, err := os.Stat(target); err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("replay: %s: not a folder", folder)
	}
	byFolder, err := images(target)
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	if len(byFolder) == 0 {
		return nil, fmt.Errorf("replay: %s: no image in it or the folders below; looked for %s", folder, strings.Join(Extensions, " "))
	}
	return wafers(root, target, byFolder), nil
}

// images lists the image files below root by their folder.
func images(root string) (map[string][]string, error) {
	found := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !entry.IsDir() && slices.Contains(Extensions, strings.ToLower(filepath.Ext(path))) {
			found[filepath.Dir(path)] = append(found[filepath.Dir(path)], path)
		}
		return nil
	})
	return found, err
}

func wafers(name, root string, byFolder map[string][]string) []Wafer {
	var list []Wafer
	slots := map[string]int{}
	for _, folder := range sorted(byFolder) {
		files := byFolder[folder]
		slices.SortFunc(files, Natural)
		lot, substrate := filepath.Base(name), filepath.Base(folder)
		if folder == root {
			substrate = lot
		} else if above := filepath.Dir(folder); above != root {
			lot = filepath.Base(above)
		}
		slots[lot]++
		m := handler.Material{Lot: lot, Substrate: substrate}
		if slots[lot] <= 25 { // a carrier has no more
			m.Slot = slots[lot]
		}
		list = append(list, Wafer{m, files})
	}
	return list
}

func sorted(byFolder map[string][]string) []string {
	var folders []string
	for f := range byFolder {
		folders = append(folders, f)
	}
	slices.SortFunc(folders, Natural)
	return folders
}
